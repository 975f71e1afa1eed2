// The same on Java's own HTTP and Gson, which Debian has.
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

public class Believer {
  static final Map<String, Integer> ran = new TreeMap<>();
  static final Gson gson = new Gson();

  static synchronized void run(String body) {
    try {
      JsonElement said = gson.fromJson(body.startsWith("\uFEFF") ? body.substring(1) : body, JsonElement.class);
      JsonArray all = new JsonArray();
      if (said.isJsonArray()) all = said.getAsJsonArray();
      else all.add(said);
      for (JsonElement one : all) {
        JsonObject message = one.getAsJsonObject();
        if (message.get("method").getAsString().equals("tools/call"))
          ran.merge(message.getAsJsonObject("params").get("name").getAsString(), 1, Integer::sum);
      }
    } catch (JsonParseException | IllegalStateException | NullPointerException | UnsupportedOperationException none) {
      // it was none
    }
  }

  static void serve(HttpExchange exchange) throws IOException {
    String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    boolean asks = exchange.getRequestMethod().equals("GET");
    if (!asks) run(body);
    byte[] answer = (asks ? gson.toJson(ran) : "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}").getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, answer.length);
    exchange.getResponseBody().write(answer);
    exchange.close();
  }

  public static void main(String[] words) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/", Believer::serve);
    server.start();
    System.out.println(server.getAddress().getPort());
  }
}
