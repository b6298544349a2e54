import com.sun.source.tree.AnnotationTree;
import com.sun.source.tree.AssignmentTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.ParameterizedTypeTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The fields of a model: names from @SerializedName, sensitive ones from @Encryption. Nothing says what is required. */
final class Models {
  private static final Map<String, String> PLAIN =
      Map.of("String", "string", "Boolean", "boolean", "Long", "integer", "Integer", "integer", "Double", "number", "Float", "number");

  private final Sources sources;

  Models(Sources sources) {
    this.sources = sources;
  }

  /** Every field, or only those that the body carries: @Expose(serialize = false) keeps path and query out of it. */
  List<Map<String, Object>> fields(Sources.Home model, boolean onlyBody) {
    List<Map<String, Object>> fields = new ArrayList<>();
    for (Tree member : model.type().getMembers()) {
      if (member instanceof VariableTree variable && annotation(variable, "SerializedName") != null) {
        if (!onlyBody || annotation(variable, "Expose") == null) {
          fields.add(field(variable, model));
        }
      }
    }
    return fields;
  }

  private Map<String, Object> field(VariableTree variable, Sources.Home model) {
    Map<String, Object> field = new LinkedHashMap<>();
    field.put("name", annotation(variable, "SerializedName"));
    Tree type = variable.getType();
    boolean list = type instanceof ParameterizedTypeTree generic && generic.getType().toString().equals("List");
    if (list) {
      type = ((ParameterizedTypeTree) type).getTypeArguments().get(0);
    }
    String kind = PLAIN.get(type.toString());
    if (kind == null) {
      kind = describe(type.toString(), model, field);
    } else if (annotation(variable, "Encryption") != null) {
      field.put("encrypted", "rsa-pubkey");
    }
    field.put("type", kind + (list ? "[]" : ""));
    return field;
  }

  /** An enumeration's values or an object's members; anything else is named as it is, which no comparison lets pass. */
  private String describe(String name, Sources.Home model, Map<String, Object> field) {
    Sources.Home found = sources.find(name, model);
    if (found == null) {
      return name;
    }
    if (found.type().getKind() == Tree.Kind.ENUM) {
      field.put("enum", values(found));
      return "string";
    }
    field.put("fields", fields(found, true));
    return "object";
  }

  private static List<String> values(Sources.Home enumeration) {
    List<String> values = new ArrayList<>();
    for (Tree member : enumeration.type().getMembers()) {
      if (member instanceof VariableTree constant && annotation(constant, "SerializedName") != null) {
        values.add(annotation(constant, "SerializedName"));
      }
    }
    return values;
  }

  /** The text that an annotation holds, "" when it holds none, null when it is absent. */
  private static String annotation(VariableTree variable, String name) {
    for (AnnotationTree found : variable.getModifiers().getAnnotations()) {
      if (found.getAnnotationType().toString().equals(name)) {
        for (ExpressionTree argument : found.getArguments()) {
          ExpressionTree value = argument instanceof AssignmentTree named ? named.getExpression() : argument;
          if (value instanceof LiteralTree literal) {
            return literal.getValue().toString();
          }
        }
        return "";
      }
    }
    return null;
  }
}
