#!/usr/bin/env bash
# OCPP 2.1 brought two message types: SEND (6, no answer wanted, for NotifyPeriodicEventStream) and CALLRESULTERROR (5,
# "your answer was wrong"). Two libraries that name 2.1 among their versions know neither on the wire.
# Seen with the Python ocpp 2.1.0 (both raise as an invalid message type; it has no NotifyPeriodicEventStream) and with
# ocpp-rpc 2.2.1 for Node, which carries the schema of NotifyPeriodicEventStream and answers the frame with a CALLERROR.
# Why it matters: periodic event streams are how 2.1 saves an operator the load of NotifyEvent; a SEND must never be
# answered.
# The guess was: a library with 2.1 schemas has the message types of 2.1.
# Exits 0 when that is so, 1 when one of them takes the frames, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip --quiet install ocpp==2.1.0 || exit 2
npm install --silent --no-audit --no-fund ocpp-rpc@2.2.1 ws@8.18.3 >/dev/null || exit 2
venv/bin/python - <<'PYTHON'
import sys
from ocpp.exceptions import PropertyConstraintViolationError
from ocpp.messages import unpack
from ocpp.v21 import call

refused = 0
for frame in ('[6,"1","NotifyPeriodicEventStream",{}]', '[5,"1","FormatViolation","",{}]'):
    try:
        print("python:", unpack(frame))
    except PropertyConstraintViolationError as error:
        refused += 1
        print("python:", error.details["cause"])
sys.exit(0 if refused == 2 and not hasattr(call, "NotifyPeriodicEventStream") else 1)
PYTHON
cat >run.cjs <<'NODE'
const { RPCServer } = require('ocpp-rpc');
const WebSocket = require('ws');
(async () => {
  const server = new RPCServer({ protocols: ['ocpp2.1'], strictMode: true });
  const asked = [];
  server.on('client', (client) => client.handle(({ method }) => { asked.push(method); return {}; }));
  const http = await server.listen(0, '127.0.0.1');
  const station = new WebSocket(`ws://127.0.0.1:${http.address().port}/CP1`, ['ocpp2.1']);
  await new Promise((done) => station.once('open', done));
  const data = [{ t: 0, v: '230' }];
  const stream = { id: 1, pending: 0, basetime: '2026-01-01T00:00:00Z', data };
  const answer = new Promise((done) => station.once('message', (m) => done(JSON.parse(m))));
  station.send(JSON.stringify([6, '1', 'NotifyPeriodicEventStream', stream]));
  const told = await Promise.race([answer, new Promise((done) => setTimeout(done, 3000, null))]);
  console.log('node answers:', JSON.stringify(told), 'handled:', asked);
  station.terminate();
  process.exit(told && told[0] === 4 && asked.length === 0 ? 0 : 1);
})();
NODE
node run.cjs
