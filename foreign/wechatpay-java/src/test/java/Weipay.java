import java.util.ArrayList;
import java.util.List;

/** What a person or time does: no client can do it. */
class Weipay {
  static void sandbox(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(System.getenv("WEIPAY"), "sandbox"));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--data", System.getenv("DATA")));
    var process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes());
    if (process.waitFor() != 0) {
      throw new AssertionError(output);
    }
  }
}
