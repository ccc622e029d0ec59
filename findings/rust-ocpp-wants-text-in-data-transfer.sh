#!/usr/bin/env bash
# The data of a DataTransfer are free in OCPP 2.0.1: an object, a list, a number. rust-ocpp takes a text only, as OCPP
# 1.6 had it; an object refuses the whole message, in the request as in the answer.
# Seen with the crate rust-ocpp 3.0.4, reading by serde_json.
# Why it matters: vendors moved from texts of JSON to JSON with 2.0.1. A station on this crate answers FormatViolation
# to them, a CSMS on it never sees what its stations tell.
# The guess was: any JSON value, as the schema says.
# Exits 0 when an object is refused, 1 when it is taken, 2 when the crate cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.1.0"
edition = "2021"

[dependencies]
rust-ocpp = { version = "=3.0.4", features = ["v2_0_1"] }
serde_json = "1"
TOML
cat >src/main.rs <<'RUST'
use rust_ocpp::v2_0_1::messages::datatransfer::DataTransferRequest;

fn taken(text: &str) -> bool {
    let read = serde_json::from_str::<DataTransferRequest>(text);
    println!("{text}: {}", read.as_ref().map_or_else(|error| error.to_string(), |_| "taken".into()));
    read.is_ok()
}

fn main() {
    let text = taken(r#"{"vendorId": "maker", "data": "{\"lane\": 3}"}"#);
    let object = taken(r#"{"vendorId": "maker", "data": {"lane": 3}}"#);
    std::process::exit(if text && !object { 0 } else { 1 });
}
RUST
cargo fetch --quiet 2>/dev/null || exit 2
cargo run --quiet
