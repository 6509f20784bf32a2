//! Frames, batches and channels.

use alloy_primitives::hex;
use kona_protocol::{Batch, BatchReader, Frame};
use serde_json::{Value, json};

use crate::world::Request;

pub fn frames(data: &[u8]) -> Value {
    match Frame::parse_frames(data) {
        Err(error) => json!({ "err": error.to_string() }),
        Ok(frames) => {
            let list = frames
                .iter()
                .map(|frame| json!([hex::encode(frame.id), frame.number, hex::encode(&frame.data), frame.is_last]));
            json!({ "frames": list.collect::<Vec<_>>() })
        }
    }
}

/// What a batch says, in the words of `peers/op-node`.
fn told(batch: &Batch) -> Value {
    match batch {
        Batch::Single(single) => json!({
            "type": "singular",
            "parent": single.parent_hash,
            "epoch": single.epoch_num.to_string(),
            "epochHash": single.epoch_hash,
            "time": single.timestamp.to_string(),
            "txs": single.transactions,
        }),
        Batch::Span(span) => {
            let blocks = span.batches.iter().map(|block| {
                json!({ "epoch": block.epoch_num.to_string(), "time": block.timestamp.to_string(), "txs": block.transactions })
            });
            json!({
                "type": "span",
                "parentCheck": hex::encode(span.parent_check),
                "originCheck": hex::encode(span.l1_origin_check),
                "blocks": blocks.collect::<Vec<_>>(),
            })
        }
    }
}

pub fn batch(request: &Request) -> Value {
    match Batch::decode(&mut request.data.as_ref(), request.config()) {
        Err(error) => json!({ "err": error.to_string() }),
        Ok(batch) => told(&batch),
    }
}

pub fn channel(request: &Request) -> Value {
    let mut reader = BatchReader::new(request.data.to_vec(), request.maxrlp, request.time);
    let mut read = Vec::new();
    while let Some(batch) = reader.next_batch(request.config()) {
        read.push(told(&batch));
    }
    json!({ "batches": read })
}
