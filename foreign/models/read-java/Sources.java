import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ImportTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Every class of a jar of sources by its full name, and what a simple name means where it is used. */
final class Sources {
  /** A class, its full name, and the file that it stands in. */
  record Home(String name, ClassTree type, CompilationUnitTree file) {}

  private final Map<String, Home> classes = new TreeMap<>();

  static Sources of(String jar, String folder) throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    JavacTask task = (JavacTask) compiler.getTask(null, null, null, List.of("-proc:none"), null, files(jar, folder));
    Sources sources = new Sources();
    for (CompilationUnitTree file : task.parse()) {
      for (Tree type : file.getTypeDecls()) {
        sources.add(file.getPackageName() + ".", type, file);
      }
    }
    return sources;
  }

  private static List<JavaFileObject> files(String jar, String folder) throws IOException {
    List<JavaFileObject> files = new ArrayList<>();
    try (JarFile archive = new JarFile(jar)) {
      for (JarEntry entry : Collections.list(archive.entries())) {
        if (entry.getName().startsWith(folder) && entry.getName().endsWith(".java")) {
          byte[] bytes = archive.getInputStream(entry).readAllBytes();
          files.add(new Source(entry.getName(), new String(bytes, StandardCharsets.UTF_8)));
        }
      }
    }
    return files;
  }

  private static final class Source extends SimpleJavaFileObject {
    private final String text;

    Source(String name, String text) {
      super(URI.create("string:///" + name), Kind.SOURCE);
      this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return text;
    }
  }

  private void add(String prefix, Tree tree, CompilationUnitTree file) {
    if (tree instanceof ClassTree type) {
      String name = prefix + type.getSimpleName();
      classes.put(name, new Home(name, type, file));
      for (Tree member : type.getMembers()) {
        add(name + ".", member, file);
      }
    }
  }

  /** The classes whose methods are calls. */
  List<Home> services() {
    return classes.values().stream().filter(home -> home.name().endsWith("Service") && !home.name().contains(".model.")).toList();
  }

  /** The class that a name means inside another one: a nested one, an imported one, or a neighbour. */
  Home find(String name, Home here) {
    Map<String, String> imports = new HashMap<>();
    for (ImportTree each : here.file().getImports()) {
      String full = each.getQualifiedIdentifier().toString();
      imports.put(full.substring(full.lastIndexOf('.') + 1), full);
    }
    String first = name.contains(".") ? name.substring(0, name.indexOf('.')) : name;
    String rest = name.substring(first.length());
    for (String outer = here.name(); outer.contains("."); outer = outer.substring(0, outer.lastIndexOf('.'))) {
      if (classes.containsKey(outer + "." + name)) {
        return classes.get(outer + "." + name);
      }
    }
    return classes.get(imports.getOrDefault(first, first) + rest);
  }
}
