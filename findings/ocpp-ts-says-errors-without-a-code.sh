#!/usr/bin/env bash
# When a handler of ocpp-ts fails with an error of the language (the database is away, a name is missing), the other side
# gets a CALLERROR whose code is null: [4, id, null, "...", {}]. OCPP-J wants one of its codes there, as a string.
# And where ocpp-ts refuses a payload, the details are a list, where OCPP-J wants an object.
# Seen with ocpp-ts 0.3.0, server and charge point alike; an unknown action gets its code (NotImplemented).
# Why it matters: whoever reads frames by type drops such an answer as malformed, and the call waits for its time-out.
# For queued messages that is the difference between "refused" and "not delivered": they are sent again. Settle a call
# by any frame that has its id, and take null for GenericError.
# The guess was: InternalError, and the text of the error.
# Exits 0 when the code is null and the details a list, 1 when not, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund ocpp-ts@0.3.0 ws@8.18.0 >/dev/null || exit 2
cat >run.cjs <<'NODE'
const { createServer } = require('node:net');
const { OcppServer } = require('ocpp-ts');
const { WebSocket } = require('ws');

const probe = createServer();
probe.listen(0, '127.0.0.1', () => {
  const { port } = probe.address();
  probe.close(() => {
    const server = new OcppServer();
    server.on('connection', (station) => station.on('Heartbeat', () => { throw new Error('database away'); }));
    server.listen(port);
    const answers = {};
    const station = new WebSocket(`ws://127.0.0.1:${port}/CP1`, ['ocpp1.6']);
    const boot = { chargePointVendor: 'maker', chargePointModel: 'a model with far too long a name' };
    station.on('open', () => {
      station.send(JSON.stringify([2, 'fails', 'Heartbeat', {}]));
      station.send(JSON.stringify([2, 'refused', 'BootNotification', boot]));
    });
    station.on('message', (data) => {
      console.log(String(data));
      const [type, id, code, , details] = JSON.parse(data);
      answers[id] = { type, code, details };
      if (Object.keys(answers).length < 2) return;
      const { fails, refused } = answers;
      process.exit(fails.type === 4 && fails.code === null && Array.isArray(refused.details) ? 0 : 1);
    });
  });
});
NODE
timeout 30 node run.cjs
