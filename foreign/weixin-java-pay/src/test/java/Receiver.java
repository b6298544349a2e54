import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Receives notifications, and keeps them as they came. */
class Receiver {
  record Notification(Headers headers, String body) {
    String header(String name) {
      return headers.getFirst(name);
    }
  }

  private final BlockingQueue<Notification> received = new LinkedBlockingQueue<>();
  private final HttpServer server;

  Receiver() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    server.createContext("/", exchange -> {
      String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      // Notifications of APIv2 are acknowledged by XML; for those of APIv3 the status counts.
      byte[] success = "<xml><return_code>SUCCESS</return_code></xml>".getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(200, success.length);
      exchange.getResponseBody().write(success);
      exchange.close();
      received.add(new Notification(exchange.getRequestHeaders(), body));
    });
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/notify";
  }

  Notification next() throws InterruptedException {
    Notification next = received.poll(30, TimeUnit.SECONDS);
    if (next == null) {
      throw new AssertionError("no notification came");
    }
    return next;
  }
}
