//! The rules that decide whether a batch counts.

use kona_protocol::{Batch, BatchValidity, BlockInfo, L2BlockInfo};
use serde_json::{Value, json};

use crate::world::{Request, World, now};

fn verdict(validity: BatchValidity) -> Value {
    let word = match validity {
        BatchValidity::Drop(_) => "drop",
        BatchValidity::Accept => "accept",
        BatchValidity::Undecided => "undecided",
        BatchValidity::Future => "future",
        BatchValidity::Past => "past",
    };
    json!({ "verdict": word, "why": validity.to_string() })
}

pub fn check(request: &Request) -> Value {
    let config = request.config();
    let batch = match Batch::decode(&mut request.data.as_ref(), config) {
        Err(error) => return json!({ "err": error.to_string() }),
        Ok(batch) => batch,
    };
    let origins: Vec<BlockInfo> = request.l1refs.iter().map(|block| (*block).into()).collect();
    let safe: L2BlockInfo = request.safe.expect("safe").into();
    let inclusion: BlockInfo = request.incl.expect("incl").into();
    verdict(match batch {
        Batch::Single(single) => single.check_batch(config, &origins, safe, &inclusion),
        Batch::Span(span) => {
            let mut world = World::of(request);
            if config.is_holocene_active(inclusion.timestamp) {
                now(span.check_batch_holocene(config, &origins, safe, &inclusion, &mut world))
            } else {
                now(span.check_batch(config, &origins, safe, &inclusion, &mut world))
            }
        }
    })
}
