import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes the operations of the official Java SDK, one JSON object a line, from the jar of its sources. The JDK's own parser
 * reads them; nothing of the SDK is compiled or run.
 */
final class ReadJava {
  public static void main(String[] arguments) throws Exception {
    Sources sources = Sources.of(arguments[0], "com/wechat/pay/java/service/");
    List<Map<String, Object>> operations = new ArrayList<>();
    for (Sources.Home service : sources.services()) {
      operations.addAll(new Service(sources, service).operations());
    }
    if (operations.isEmpty()) {
      throw new IllegalStateException("no operations found in " + arguments[0]);
    }
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (Map<String, Object> operation : operations) {
      out.println(Json.text(operation));
    }
    out.flush();
  }
}
