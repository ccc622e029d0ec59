#!/usr/bin/env bash
# A period of a charging schedule that says nothing of phases leaves the Java OCPP library with numberPhases 3: the
# default of the specification is written out, into schedules in watts and for DC as well.
# Seen with eu.chargetime.ocpp v1_6 1.0.1 (gson 2.8.0), reading a period and writing it again.
# Why it matters: "not said" and "three" are not the same to a station of one phase: some refuse a profile with more
# phases than they have. Where profiles are compared with what GetCompositeSchedule tells, they differ.
# The guess was: what is not set is not written.
# Exits 0 when the three is added, 1 when not, 2 when the packages cannot be had.
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
import eu.chargetime.ocpp.model.core.ChargingSchedulePeriod;

public class Finding {
  public static void main(String[] args) throws Exception {
    JSONCommunicator json = new JSONCommunicator(null);
    String came = "{\"startPeriod\":0,\"limit\":11000.0}";
    String left = (String) json.packPayload(json.unpackPayload(came, ChargingSchedulePeriod.class));
    System.out.println("came: " + came);
    System.out.println("left: " + left);
    System.exit(left.contains("\"numberPhases\":3") ? 0 : 1);
  }
}
JAVA
javac -cp 'lib/*' Finding.java
java -cp 'lib/*:.' Finding
