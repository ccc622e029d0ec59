#!/usr/bin/env bash
# The Java OCPP library writes every digit that a time has. The clock of Java has nine behind the second, and the examples
# put that clock into answers as it is: a station that says Heartbeat gets 12:00:00.123456789Z.
# Seen with eu.chargetime.ocpp v1_6 1.0.1, the answers to Heartbeat and BootNotification.
# Why it matters: OCPP 2.0.1 allows three digits, and what checks that (the schemas of CitrineOS do) refuses six or nine;
# firmware that reads a time into 24 characters sets its clock wrongly or not at all. Cut your own times to milliseconds,
# read those of others with any number of digits.
# The guess was: milliseconds, as everyone writes them.
# Exits 0 when nine digits are written, 1 when there are three at most, 2 when the packages cannot be had.
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
cat >Finding.java <<'JAVA'
import eu.chargetime.ocpp.JSONCommunicator;
import eu.chargetime.ocpp.model.core.BootNotificationConfirmation;
import eu.chargetime.ocpp.model.core.HeartbeatConfirmation;
import eu.chargetime.ocpp.model.core.RegistrationStatus;
import java.time.ZonedDateTime;

public class Finding {
  public static void main(String[] args) {
    JSONCommunicator json = new JSONCommunicator(null);
    ZonedDateTime now = ZonedDateTime.parse("2026-07-01T14:00:00.123456789+02:00");
    String heartbeat = (String) json.packPayload(new HeartbeatConfirmation(now));
    String boot = (String) json.packPayload(new BootNotificationConfirmation(now, 300, RegistrationStatus.Accepted));
    System.out.println(heartbeat);
    System.out.println(boot);
    String told = "\"2026-07-01T12:00:00.123456789Z\"";
    System.exit(heartbeat.contains(told) && boot.contains(told) ? 0 : 1);
  }
}
JAVA
javac -nowarn -cp 'lib/*' Finding.java
java -cp 'lib/*:.' Finding
