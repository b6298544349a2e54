import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.TreeScanner;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** What the methods of a service send: generated code that adds path, query, headers and body in one regular way. */
final class Service {
  private static final Pattern ADDRESS = Pattern.compile("https://[^/]+/((?:[a-z]+/)?v3/.*)");
  private static final Pattern PLACEHOLDER = Pattern.compile("\\{([^}]+)}");

  private final Sources sources;
  private final Models models;
  private final Sources.Home service;

  Service(Sources sources, Sources.Home service) {
    this.sources = sources;
    this.models = new Models(sources);
    this.service = service;
  }

  List<Map<String, Object>> operations() {
    List<Map<String, Object>> operations = new ArrayList<>();
    for (Tree member : service.type().getMembers()) {
      if (member instanceof MethodTree method && method.getBody() != null) {
        Call call = new Call();
        call.scan(method.getBody(), null);
        if (call.path != null) {
          operations.add(operation(method, call));
        }
      }
    }
    return operations;
  }

  /** What one method's body says. */
  private static final class Call extends TreeScanner<Void, Void> {
    String path;
    String verb;
    String answer;
    boolean body;
    boolean sealed;
    final List<String> query = new ArrayList<>();

    @Override
    public Void visitLiteral(LiteralTree literal, Void nothing) {
      if (literal.getValue() instanceof String text && ADDRESS.matcher(text).matches()) {
        path = ADDRESS.matcher(text).replaceFirst("$1");
      }
      return null;
    }

    @Override
    public Void visitMemberSelect(MemberSelectTree select, Void nothing) {
      if (select.getExpression().toString().equals("HttpMethod")) {
        verb = select.getIdentifier().toString();
      }
      sealed |= select.toString().equals("Constant.WECHAT_PAY_SERIAL");
      return super.visitMemberSelect(select, nothing);
    }

    @Override
    public Void visitMethodInvocation(MethodInvocationTree call, Void nothing) {
      String name = call.getMethodSelect().toString();
      List<? extends ExpressionTree> arguments = call.getArguments();
      if (name.equals("queryParameter.add")) {
        query.add(((LiteralTree) arguments.get(0)).getValue().toString());
      } else if (name.equals("httpClient.execute") && arguments.get(1) instanceof MemberSelectTree type) {
        answer = type.getExpression().toString();
      }
      body |= name.equals("createRequestBody");
      return super.visitMethodInvocation(call, nothing);
    }
  }

  private Map<String, Object> operation(MethodTree method, Call call) {
    Map<String, Object> operation = new LinkedHashMap<>();
    operation.put("method", call.verb);
    operation.put("path", call.path);
    operation.put("name", name(method));
    operation.put("request", request(method, call));
    operation.put("response", call.answer == null ? List.of() : models.fields(found(call.answer), false));
    return operation;
  }

  private Map<String, Object> request(MethodTree method, Call call) {
    Sources.Home model = method.getParameters().isEmpty() ? null : found(method.getParameters().get(0).getType().toString());
    List<Map<String, Object>> all = model == null ? List.of() : models.fields(model, false);
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("path", pick(all, PLACEHOLDER.matcher(call.path).results().map(match -> match.group(1)).toList()));
    request.put("query", pick(all, call.query));
    if (call.sealed) {
      request.put("headers", List.of(Map.of("name", "Wechatpay-Serial", "type", "string")));
    }
    if (call.body && model != null) {
      request.put("json", models.fields(model, true));
    }
    return request;
  }

  private Sources.Home found(String name) {
    Sources.Home found = sources.find(name, service);
    if (found == null) {
      throw new IllegalStateException(service.name() + ": no source of " + name);
    }
    return found;
  }

  /** The last folders and the method: payments.jsapi.prepay. */
  private String name(MethodTree method) {
    String folder = service.file().getPackageName().toString().replaceFirst(".*\\.service\\.", "");
    return folder + "." + method.getName();
  }

  private static List<Map<String, Object>> pick(List<Map<String, Object>> fields, List<String> names) {
    List<Map<String, Object>> picked = new ArrayList<>();
    for (String name : names) {
      picked.add(
          fields.stream().filter(field -> field.get("name").equals(name)).findFirst()
              .orElseThrow(() -> new IllegalStateException("no member " + name)));
    }
    return picked;
  }
}
