// What a program on plain jnats does all day, one result for each scenario, as the last line. With
// `reconnect` or `lame_duck` as second argument: waits for the broker to go and come back.
import static java.nio.charset.StandardCharsets.UTF_8;

import io.nats.client.*;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.io.PrintStream;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.cert.Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import javax.net.ssl.*;

public class Stock {
  static final Duration PATIENCE = Duration.ofSeconds(10);
  static String url;

  interface Scenario {
    Object run(Connection nc, Connection other) throws Exception;
  }

  static Options.Builder options() {
    return new Options.Builder().server(url).supportUTF8Subjects().errorListener(new ErrorListener() {});
  }

  static Connection connect() throws Exception {
    return Nats.connect(options().build());
  }

  static String text(Message msg) {
    return msg == null ? "nothing came" : new String(msg.getData(), UTF_8);
  }

  static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  static Object publishSubscribe(Connection nc, Connection other) throws Exception {
    Subscription sub = nc.subscribe("stock.java.plain.*");
    nc.flush(PATIENCE);
    for (String word : List.of("one", "two", "three")) other.publish("stock.java.plain." + word, bytes(word));
    return List.of(text(sub.nextMessage(PATIENCE)), text(sub.nextMessage(PATIENCE)), text(sub.nextMessage(PATIENCE)));
  }

  static Object requestReply(Connection nc, Connection other) throws Exception {
    Dispatcher service = nc.createDispatcher(msg -> nc.publish(msg.getReplyTo(), bytes("answer to " + text(msg))));
    service.subscribe("stock.java.service");
    nc.flush(PATIENCE);
    return text(other.request("stock.java.service", bytes("question"), PATIENCE));
  }

  static Object queueGroup(Connection nc, Connection other) throws Exception {
    AtomicInteger one = new AtomicInteger(), two = new AtomicInteger();
    Dispatcher first = nc.createDispatcher(msg -> one.incrementAndGet());
    Dispatcher second = nc.createDispatcher(msg -> two.incrementAndGet());
    first.subscribe("stock.java.queue", "workers");
    second.subscribe("stock.java.queue", "workers");
    nc.flush(PATIENCE);
    for (int i = 0; i < 40; i++) other.publish("stock.java.queue", bytes("job"));
    other.flush(PATIENCE);
    first.drain(PATIENCE).get();
    second.drain(PATIENCE).get();
    int members = (one.get() > 0 ? 1 : 0) + (two.get() > 0 ? 1 : 0);
    return map("total", one.get() + two.get(), "members", members);
  }

  static Object headers(Connection nc, Connection other) throws Exception {
    Subscription sub = nc.subscribe("stock.java.headers");
    nc.flush(PATIENCE);
    Headers headers = new Headers().add("key", "value").add("Other-Key", "with: colon");
    other.publish(NatsMessage.builder().subject("stock.java.headers").headers(headers).data("body").build());
    Message msg = sub.nextMessage(PATIENCE);
    return List.of(msg.getHeaders().getFirst("key"), msg.getHeaders().getFirst("Other-Key"), text(msg));
  }

  static Object requestMany(Connection nc, Connection other) throws Exception {
    Dispatcher service = nc.createDispatcher(msg -> {
      for (int i = 0; i < 3; i++) nc.publish(msg.getReplyTo(), bytes("" + i));
    });
    service.subscribe("stock.java.many");
    nc.flush(PATIENCE);
    String inbox = other.createInbox();
    Subscription sub = other.subscribe(inbox);
    sub.unsubscribe(3);
    other.publish("stock.java.many", inbox, new byte[0]);
    return List.of(text(sub.nextMessage(PATIENCE)), text(sub.nextMessage(PATIENCE)), text(sub.nextMessage(PATIENCE)));
  }

  static Object drain(Connection nc, Connection other) throws Exception {
    Connection leaving = connect();
    AtomicInteger received = new AtomicInteger();
    leaving.createDispatcher(msg -> received.incrementAndGet()).subscribe("stock.java.drain");
    leaving.flush(PATIENCE);
    for (int i = 0; i < 100; i++) other.publish("stock.java.drain", bytes("last words"));
    other.flush(PATIENCE);
    leaving.drain(PATIENCE).get();
    return map("received", received.get(), "closed", leaving.getStatus() == Connection.Status.CLOSED);
  }

  static Object noResponders(Connection nc, Connection other) throws Exception {
    // This client gives up at once, and says so by giving nothing.
    try {
      nc.requestWithTimeout("stock.java.nobody", new byte[0], PATIENCE).get();
      return "answered";
    } catch (CancellationException noResponders) {
      return true;
    }
  }

  static Object largePayload(Connection nc, Connection other) throws Exception {
    byte[] payload = new byte[(int) nc.getMaxPayload()];
    for (int i = 0; i < payload.length; i++) payload[i] = (byte) i;
    Subscription sub = nc.subscribe("stock.java.large");
    nc.flush(PATIENCE);
    other.publish("stock.java.large", payload);
    byte[] data = sub.nextMessage(PATIENCE).getData();
    return map("size", data.length, "intact", Arrays.equals(data, payload));
  }

  static Object maxPayload(Connection nc, Connection other) throws Exception {
    try {
      nc.publish("stock.java.large", new byte[(int) nc.getMaxPayload() + 1]);
      return "accepted";
    } catch (IllegalArgumentException refused) {
      nc.flush(PATIENCE);
      return map("refused", true, "connected", isConnected(nc));
    }
  }

  static boolean isConnected(Connection nc) {
    return nc.getStatus() == Connection.Status.CONNECTED;
  }

  static Object wildcards(Connection nc, Connection other) throws Exception {
    AtomicInteger one = new AtomicInteger(), all = new AtomicInteger();
    Dispatcher both = nc.createDispatcher();
    both.subscribe("stock.java.wild.*.x", msg -> one.incrementAndGet());
    both.subscribe("stock.java.wild.>", msg -> all.incrementAndGet());
    nc.flush(PATIENCE);
    for (String rest : List.of("a.x", "a.y", "b", "a.b.x")) other.publish("stock.java.wild." + rest, new byte[0]);
    other.flush(PATIENCE);
    both.drain(PATIENCE).get();
    return List.of(one.get(), all.get());
  }

  static Object headerValues(Connection nc, Connection other) throws Exception {
    Subscription sub = nc.subscribe("stock.java.values");
    nc.flush(PATIENCE);
    Headers headers = new Headers().add("Many", "one", "two", "two").add("Odd", "a:b;c=\"d\",");
    String unicode = "printable ASCII only";
    try {
      headers.add("Unicode", "grüße ✓");
      unicode = null;
    } catch (IllegalArgumentException printableOnly) {
      // Said in the result.
    }
    other.publish(NatsMessage.builder().subject("stock.java.values").headers(headers).build());
    Headers read = sub.nextMessage(PATIENCE).getHeaders();
    return List.of(read.get("Many"), unicode == null ? read.getFirst("Unicode") : unicode, read.getFirst("Odd"));
  }

  static Object unicodeSubject(Connection nc, Connection other) throws Exception {
    Subscription sub = nc.subscribe("stock.java.grüße.*");
    nc.flush(PATIENCE);
    other.publish("stock.java.grüße.📬", bytes("✓"));
    Message msg = sub.nextMessage(PATIENCE);
    return List.of(msg.getSubject().replace("stock.java.", ""), text(msg));
  }

  static Object autoUnsubscribe(Connection nc, Connection other) throws Exception {
    Subscription sub = nc.subscribe("stock.java.auto");
    sub.unsubscribe(3);
    nc.flush(PATIENCE);
    for (int i = 0; i < 5; i++) other.publish("stock.java.auto", new byte[0]);
    other.flush(PATIENCE);
    nc.flush(PATIENCE);
    int received = 0;
    try {
      while (sub.nextMessage(Duration.ofMillis(200)) != null) received++;
    } catch (IllegalStateException ended) {
      // It says so by throwing.
    }
    return map("received", received, "ended", !sub.isActive());
  }

  static Object drainSubscription(Connection nc, Connection other) throws Exception {
    AtomicInteger received = new AtomicInteger();
    Dispatcher dispatcher = nc.createDispatcher(msg -> received.incrementAndGet());
    dispatcher.subscribe("stock.java.drain.one");
    nc.flush(PATIENCE);
    for (int i = 0; i < 50; i++) other.publish("stock.java.drain.one", new byte[0]);
    other.flush(PATIENCE);
    dispatcher.drain(PATIENCE).get();
    other.publish("stock.java.drain.one", new byte[0]);
    other.flush(PATIENCE);
    nc.flush(PATIENCE);
    return map("received", received.get(), "ended", !dispatcher.isActive(), "connected", isConnected(nc));
  }

  static Object roundTrip(Connection nc, Connection other) throws Exception {
    long before = nc.getStatistics().getOutMsgs();
    nc.publish("stock.java.stats", bytes("x"));
    nc.flush(PATIENCE);
    long counted = nc.getStatistics().getOutMsgs() - before;
    // Its flush is counted too.
    return map("measured", nc.RTT().toNanos() >= 0, "counted", Math.min(counted, 1));
  }

  /** What the server said, and who is slow, as they are told. */
  static class Told implements ErrorListener {
    final BlockingQueue<String> errors = new LinkedBlockingQueue<>();
    final CountDownLatch slow = new CountDownLatch(1);

    @Override
    public void errorOccurred(Connection nc, String error) {
      errors.add(error.toLowerCase(Locale.ROOT));
    }

    @Override
    public void slowConsumerDetected(Connection nc, Consumer consumer) {
      slow.countDown();
    }

    /** Whether one of the errors names this. */
    boolean says(String part) throws InterruptedException {
      for (String error = error(); !error.equals("no error"); error = error()) {
        if (error.contains(part)) return true;
      }
      return false;
    }

    String error() throws InterruptedException {
      String error = errors.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      return error == null ? "no error" : error;
    }
  }

  static Object slowReader(Connection nc, Connection other) throws Exception {
    Told told = new Told();
    try (Connection slow = Nats.connect(options().errorListener(told).build())) {
      Subscription sub = slow.subscribe("stock.java.slow");
      sub.setPendingLimits(10, -1);
      slow.flush(PATIENCE);
      for (int i = 0; i < 100; i++) other.publish("stock.java.slow", new byte[0]);
      other.flush(PATIENCE);
      boolean isTold = told.slow.await(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      return map("told", isTold, "connected", isConnected(slow));
    }
  }

  static Object permission(Connection nc, Connection other) throws Exception {
    Told told = new Told();
    try (Connection curious = Nats.connect(options().errorListener(told).build())) {
      curious.subscribe("$mq9.AI.MAILBOX.MSG.*");
      String expected = "permissions violation for subscription to \"$mq9.ai.mailbox.msg.*\"";
      return map("refused", told.error().contains(expected), "connected", isConnected(curious));
    }
  }

  static Object permissionPublish(Connection nc, Connection other) throws Exception {
    Told told = new Told();
    try (Connection curious = Nats.connect(options().errorListener(told).build())) {
      curious.publish("_GR_.reserved", bytes("x"));
      String error = told.error();
      boolean isNamed = error.contains("permissions violation for publish to \"_gr_.reserved\"");
      String operation = isNamed ? "publish" : error;
      return map("operation", operation, "subject", "_GR_.reserved", "connected", isConnected(curious));
    }
  }

  static Object mailbox(Connection nc, Connection other) throws Exception {
    String created = text(nc.request("$mq9.AI.MAILBOX.CREATE", bytes("{\"ttl\":60}"), PATIENCE));
    var found = Pattern.compile("\"mail_id\":\"([^\"]+)\"").matcher(created);
    if (!found.find()) return created;
    for (String word : List.of("first", "second")) nc.publish("$mq9.AI.MAILBOX.MSG." + found.group(1), bytes(word));
    nc.flush(PATIENCE);
    Subscription later = other.subscribe("$mq9.AI.MAILBOX.MSG." + found.group(1) + ".*");
    return List.of(text(later.nextMessage(PATIENCE)), text(later.nextMessage(PATIENCE)));
  }

  /** Waits until the broker went and came back. What it said before goes into the result. */
  static void comeBack(String lastWords, boolean wantsNotice) throws Exception {
    CountDownLatch back = new CountDownLatch(1);
    CountDownLatch notice = new CountDownLatch(1);
    ConnectionListener listener = (nc, event) -> {
      if (event == ConnectionListener.Events.RESUBSCRIBED) back.countDown();
      if (event == ConnectionListener.Events.LAME_DUCK) notice.countDown();
    };
    Options.Builder options = options().maxReconnects(-1).reconnectWait(Duration.ofMillis(100));
    try (Connection nc = Nats.connect(options.connectionListener(listener).build())) {
      Subscription sub = nc.subscribe("stock.java.back");
      nc.flush(PATIENCE);
      out.println("ready");
      back.await(30, TimeUnit.SECONDS);
      nc.publish("stock.java.back", bytes(lastWords));
      String said = text(sub.nextMessage(PATIENCE));
      String noticed = notice.getCount() == 0 ? "lame duck" : "no notice";
      out.println(json(wantsNotice ? List.of(noticed, said) : said));
    }
  }

  /**
   * Comes in with given credentials and tells what it could do. Arguments: user, pass, token, seed, creds,
   * ca, cert, key and closed, each with its value, as far as wanted.
   */
  static Object comeIn(Map<String, String> given) throws Exception {
    Told told = new Told();
    Options.Builder options = options().errorListener(told).maxReconnects(0).connectionTimeout(PATIENCE);
    if (given.containsKey("user")) options.userInfo(given.get("user"), given.get("pass"));
    if (given.containsKey("token")) options.token(given.get("token").toCharArray());
    if (given.containsKey("creds")) options.authHandler(Nats.credentials(given.get("creds")));
    if (given.containsKey("seed")) options.authHandler(new Key(Files.readString(Path.of(given.get("seed"))).trim()));
    if (given.containsKey("ca")) options.sslContext(encryption(given));
    try (Connection nc = Nats.connect(options.build())) {
      Dispatcher service = nc.createDispatcher(msg ->
          nc.publish(NatsMessage.builder().subject(msg.getReplyTo()).headers(msg.getHeaders()).data(msg.getData()).build()));
      service.subscribe("open.echo");
      nc.flush(PATIENCE);
      byte[] body = bytes("0123456789".repeat(30_000));
      Headers headers = new Headers().add("trace", "abc");
      Message question = NatsMessage.builder().subject("open.echo").headers(headers).data(body).build();
      Message answer = nc.request(question, PATIENCE);
      if (answer == null) return "no answer";
      Map<String, Object> results =
          map("echo", Arrays.equals(answer.getData(), body), "header", answer.getHeaders().getFirst("trace"));
      if (given.containsKey("closed")) {
        nc.subscribe(given.get("closed"));
        results.put("denied", told.says(given.get("closed")));
      }
      nc.drain(PATIENCE).get();
      return results;
    } catch (AuthenticationException refused) {
      return "refused";
    }
  }

  /** A user that is its key. */
  record Key(String seed) implements AuthHandler {
    private NKey key() {
      return NKey.fromSeed(seed.toCharArray());
    }

    @Override
    public byte[] sign(byte[] nonce) {
      try {
        return key().sign(nonce);
      } catch (Exception problem) {
        throw new IllegalStateException(problem);
      }
    }

    @Override
    public char[] getID() {
      try {
        return key().getPublicKey();
      } catch (Exception problem) {
        throw new IllegalStateException(problem);
      }
    }

    @Override
    public char[] getJWT() {
      return null;
    }
  }

  /** Who is trusted, and who this is if that is given, of PEM files. */
  static SSLContext encryption(Map<String, String> given) throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    trusted.setCertificateEntry("ca", certificate(given.get("ca")));
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    KeyStore own = KeyStore.getInstance(KeyStore.getDefaultType());
    own.load(null, null);
    if (given.containsKey("cert")) {
      String pem = Files.readString(Path.of(given.get("key"))).replaceAll("-----[A-Z ]+-----|\\s", "");
      var key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
      own.setKeyEntry("own", key, new char[0], new Certificate[] {certificate(given.get("cert"))});
    }
    keys.init(own, new char[0]);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  static Certificate certificate(String file) throws Exception {
    try (var bytes = Files.newInputStream(Path.of(file))) {
      return CertificateFactory.getInstance("X.509").generateCertificate(bytes);
    }
  }

  static Map<String, Object> map(Object... pairs) {
    Map<String, Object> made = new LinkedHashMap<>();
    for (int at = 0; at < pairs.length; at += 2) made.put((String) pairs[at], pairs[at + 1]);
    return made;
  }

  static String json(Object value) {
    StringJoiner parts;
    if (value instanceof Map<?, ?> members) {
      parts = new StringJoiner(",", "{", "}");
      members.forEach((key, member) -> parts.add(json(key) + ":" + json(member)));
      return parts.toString();
    }
    if (value instanceof List<?> members) {
      parts = new StringJoiner(",", "[", "]");
      members.forEach(member -> parts.add(json(member)));
      return parts.toString();
    }
    if (value instanceof Number || value instanceof Boolean) return value.toString();
    String escaped = String.valueOf(value).replace("\\", "\\\\").replace("\"", "\\\"");
    return "\"" + escaped.replaceAll("\\p{Cntrl}", " ") + "\"";
  }

  static final PrintStream out = new PrintStream(System.out, true, UTF_8);

  public static void main(String[] args) throws Exception {
    url = args[0];
    if (args.length > 1 && args[1].equals("come_in")) {
      Map<String, String> given = new HashMap<>();
      for (int at = 2; at < args.length; at++) {
        String[] parts = args[at].split("=", 2);
        given.put(parts[0], parts[1]);
      }
      out.println(json(comeIn(given)));
      return;
    }
    if (args.length > 1) {
      boolean isLameDuck = args[1].equals("lame_duck");
      comeBack(isLameDuck ? "subscribed again" : "still subscribed", isLameDuck);
      return;
    }
    Map<String, Scenario> scenarios = new LinkedHashMap<>();
    scenarios.put("publish_subscribe", Stock::publishSubscribe);
    scenarios.put("request_reply", Stock::requestReply);
    scenarios.put("queue_group", Stock::queueGroup);
    scenarios.put("headers", Stock::headers);
    scenarios.put("request_many", Stock::requestMany);
    scenarios.put("drain", Stock::drain);
    scenarios.put("no_responders", Stock::noResponders);
    scenarios.put("large_payload", Stock::largePayload);
    scenarios.put("max_payload", Stock::maxPayload);
    scenarios.put("permission", Stock::permission);
    scenarios.put("wildcards", Stock::wildcards);
    scenarios.put("header_values", Stock::headerValues);
    scenarios.put("unicode_subject", Stock::unicodeSubject);
    scenarios.put("auto_unsubscribe", Stock::autoUnsubscribe);
    scenarios.put("drain_subscription", Stock::drainSubscription);
    scenarios.put("round_trip", Stock::roundTrip);
    scenarios.put("slow_reader", Stock::slowReader);
    scenarios.put("permission_publish", Stock::permissionPublish);
    scenarios.put("mailbox", Stock::mailbox);
    Map<String, Object> results = new LinkedHashMap<>();
    for (var entry : scenarios.entrySet()) {
      try (Connection nc = connect(); Connection other = connect()) {
        results.put(entry.getKey(), entry.getValue().run(nc, other));
      } catch (Exception problem) {
        results.put(entry.getKey(), problem.toString());
      }
    }
    out.println(json(results));
  }
}
