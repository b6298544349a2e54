import org.junit.jupiter.api.Test;

/** Runs when the client is installed, so that Maven fetches all that it runs tests with. */
class ReadyTest {
  @Test
  void testsCanRun() {}
}
