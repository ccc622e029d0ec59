#!/usr/bin/env bash
# The last part of the URL, percent-decoded, is the identity of a charge point. The server of the Java OCPP library hands
# over the whole of it as it came: slash, path, query and escapes. CP1 is "/CP1", and behind a path "/ocpp/CP1";
# with a slash at the end or an escape it is somebody else.
# Seen with eu.chargetime.ocpp v1_6 1.0.1 and OCPP-J 1.0.1, SessionInformation.getIdentifier().
# Why it matters: a list of known charge points, the user name of Basic authentication and the topics of a message bus
# hold CP1. Moving a CSMS behind a path renames all of its stations; what stands in the query lands in names and logs.
# The guess was: CP1, whatever stands before and after it.
# Exits 0 when the URL is the identity, 1 when the name is, 2 when the packages cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>eu.chargetime.ocpp</groupId><artifactId>v1_6</artifactId><version>1.0.1</version></dependency>
    <dependency><groupId>eu.chargetime.ocpp</groupId><artifactId>OCPP-J</artifactId>
      <version>1.0.1</version></dependency>
    <dependency><groupId>eu.chargetime.ocpp</groupId><artifactId>common</artifactId><version>1.0</version></dependency>
  </dependencies>
</project>
POM
mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib >/dev/null 2>&1 || exit 2
cat >logback.xml <<'XML'
<configuration><root level="OFF" /></configuration>
XML
cat >Finding.java <<'JAVA'
import eu.chargetime.ocpp.JSONServer;
import eu.chargetime.ocpp.ServerEvents;
import eu.chargetime.ocpp.feature.profile.ServerCoreEventHandler;
import eu.chargetime.ocpp.feature.profile.ServerCoreProfile;
import eu.chargetime.ocpp.model.SessionInformation;
import java.lang.reflect.Proxy;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

public class Finding {
  public static void main(String[] args) throws Exception {
    int port;
    try (ServerSocket probe = new ServerSocket(0)) {
      port = probe.getLocalPort();
    }
    Class<?>[] events = {ServerCoreEventHandler.class};
    Object handler = Proxy.newProxyInstance(Finding.class.getClassLoader(), events, (proxy, method, told) -> null);
    LinkedBlockingQueue<String> identities = new LinkedBlockingQueue<>();
    JSONServer server = new JSONServer(new ServerCoreProfile((ServerCoreEventHandler) handler));
    server.open("127.0.0.1", port, new ServerEvents() {
      public void newSession(UUID session, SessionInformation station) {
        identities.add(station.getIdentifier());
      }

      public void lostSession(UUID session) {}
    });
    List<String> urls = List.of("/CP1", "/ocpp/CP1", "/ocpp/CP1/", "/ocpp/CP%201?site=7");
    List<String> seen = new ArrayList<>();
    for (String url : urls) {
      connect(URI.create("ws://127.0.0.1:" + port + url));
      seen.add(identities.poll(30, TimeUnit.SECONDS));
      System.out.println("connects to " + url + ", is called " + seen.get(seen.size() - 1));
    }
    System.exit(seen.equals(urls) ? 0 : 1);
  }

  private static void connect(URI url) throws Exception {
    for (int tries = 1; ; tries++) {
      try {
        HttpClient.newHttpClient().newWebSocketBuilder().subprotocols("ocpp1.6")
            .buildAsync(url, new WebSocket.Listener() {}).get(30, TimeUnit.SECONDS);
        return;
      } catch (java.util.concurrent.ExecutionException notYet) {
        if (tries == 100) throw notYet;
        Thread.sleep(100);
      }
    }
  }
}
JAVA
javac -nowarn -cp 'lib/*' Finding.java
java -cp 'lib/*:.' Finding
