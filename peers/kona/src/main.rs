//! Answers questions about the OP Stack's rules with kona's crates: one JSON request a line on standard input, one answer a line on standard
//! output, in the shapes of `peers/op-node`. Our tests compare what they get here with what ours says.

mod attributes;
mod batches;
mod checks;
mod world;

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

fn answer(request: world::Request) -> Value {
    match request.cmd.as_str() {
        "frames" => batches::frames(&request.data),
        "batch" => batches::batch(&request),
        "channel" => batches::channel(&request),
        "check" => checks::check(&request),
        "attrs" => attributes::attributes(&request),
        "upgrades" => attributes::upgrades(),
        _ => json!({ "err": "unknown cmd" }),
    }
}

fn main() {
    // A panic is an answer: it must not be told on standard error as well.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        if line.is_empty() {
            continue;
        }
        let result = match serde_json::from_str::<world::Request>(&line) {
            Err(error) => json!({ "jsonErr": error.to_string() }),
            Ok(request) => catch_unwind(AssertUnwindSafe(|| answer(request))).unwrap_or_else(|cause| {
                let text = cause.downcast_ref::<String>().cloned();
                let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| text.to_string()));
                json!({ "panic": text.unwrap_or_default() })
            }),
        };
        if writeln!(out, "{result}").and_then(|_| out.flush()).is_err() {
            return;
        }
    }
}
