#!/usr/bin/env bash
# OCPP-J puts the identity of a charge point into the URL, percent-encoded. The server of ocpp-ts takes back only what a
# whole URL may hold: the escapes of : / # @ + and = stay. A charge point that is called by its MAC address is
# 00%3A1B%3A44 to it, and 00:1B:44 to everyone else.
# Seen with ocpp-ts 0.3.0; the charge point is the client of ocpp-rpc 2.2.1, which encodes the colon.
# Why it matters: colons are among the characters that identities are made of by OCPP 2.0.1 (identifierString), MAC
# addresses are what many stations call themselves. A list of known charge points does not have the other spelling, and
# with one that learns from connections the same station is two, by the library that its maker took.
# The guess was: what was encoded is decoded.
# Exits 0 when the colon stays encoded, 1 when the identity is decoded, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund ocpp-ts@0.3.0 ocpp-rpc@2.2.1 >/dev/null || exit 2
cat >run.cjs <<'NODE'
const { createServer } = require('node:net');
const { RPCClient } = require('ocpp-rpc');
const { OcppServer } = require('ocpp-ts');

const freePort = () => new Promise((resolve) => {
  const probe = createServer();
  probe.listen(0, '127.0.0.1', () => { const { port } = probe.address(); probe.close(() => resolve(port)); });
});

async function main() {
  const port = await freePort();
  const seen = [];
  const server = new OcppServer();
  server.on('connection', (station) => seen.push(station.getCpId()));
  server.listen(port);
  for (const identity of ['CP 1', 'RDAM|123', '00:1B:44:11:3A:B7']) {
    const station = new RPCClient({ endpoint: `ws://127.0.0.1:${port}`, identity, protocols: ['ocpp1.6'] });
    await station.connect();
    await station.close();
    console.log(`called ${identity}, seen as ${seen.at(-1)}`);
  }
  const [space, bar, colon] = seen;
  process.exit(space === 'CP 1' && bar === 'RDAM|123' && colon === '00%3A1B%3A44%3A11%3A3A%3AB7' ? 0 : 1);
}

main();
NODE
node run.cjs
