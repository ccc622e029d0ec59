#!/usr/bin/env bash
# A charge point whose network went away connects again while its old connection still looks open to the server, often for
# a minute. The central system of @voltbras/ts-ocpp keeps both, on purpose, and sends its commands through the older one:
# they reach nobody and time out, though the charge point is there and talks.
# Seen with @voltbras/ts-ocpp 2.7.3: a Reset arrives at the first of two open connections.
# Why it matters: "cannot be started from the app right after it came back" is what drivers see, whatever the signal is
# now. The newest connection is the one that lives; the older one should be closed when it comes.
# The guess was: the connection made last gets the command.
# Exits 0 when the older one gets it, 1 when the newer one does, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @voltbras/ts-ocpp@2.7.3 ws@8.18.0 >/dev/null || exit 2
cat >run.cjs <<'NODE'
const { createServer } = require('node:net');
const { CentralSystem } = require('@voltbras/ts-ocpp');
const { WebSocket } = require('ws');

const freePort = () => new Promise((resolve) => {
  const probe = createServer();
  probe.listen(0, '127.0.0.1', () => { const { port } = probe.address(); probe.close(() => resolve(port)); });
});

async function main() {
  const port = await freePort();
  const system = new CentralSystem(port, () => { throw new Error('none expected'); }, { host: '127.0.0.1' });
  const heard = [];
  const connect = (name) => new Promise((resolve, reject) => {
    const station = new WebSocket(`ws://127.0.0.1:${port}/CP1`, ['ocpp1.6']);
    system.addConnectionListener(() => resolve(station));
    station.on('error', reject);
    station.on('message', (data) => {
      heard.push(name);
      console.log(`the ${name} connection hears`, String(data));
      station.send(JSON.stringify([3, JSON.parse(data)[1], { status: 'Accepted' }]));
    });
  });
  await connect('older');
  await connect('newer');
  const reset = { ocppVersion: 'v1.6-json', chargePointId: 'CP1', action: 'Reset', payload: { type: 'Soft' } };
  const answer = await system.sendRequest(reset);
  console.log('answer:', answer.extract());
  process.exit(heard.join() === 'older' ? 0 : 1);
}

main();
NODE
timeout 30 node run.cjs
