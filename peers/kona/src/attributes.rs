//! Payload attributes, and the transactions of upgrades.

use std::sync::Arc;

use kona_derive::{AttributesBuilder, StatefulAttributesBuilder};
use kona_genesis::L1ChainConfig;
use kona_hardforks::{Hardfork, Hardforks};
use serde_json::{Value, json};

use crate::world::{Request, World, now};

pub fn attributes(request: &Request) -> Value {
    let mut builder = StatefulAttributesBuilder::new(
        Arc::new(request.config().clone()),
        // An L1 on Prague.
        Arc::new(L1ChainConfig { cancun_time: Some(0), prague_time: Some(0), ..Default::default() }),
        World::of(request),
        World::of(request),
        None,
    );
    let (parent, epoch) = (request.parent.expect("parent"), request.epoch.expect("epoch"));
    match now(builder.prepare_payload_attributes(parent, epoch)) {
        Err(error) => json!({ "err": error.to_string() }),
        Ok(built) => json!({
            "timestamp": built.payload_attributes.timestamp,
            "prevRandao": built.payload_attributes.prev_randao,
            "beacon": built.payload_attributes.parent_beacon_block_root,
            "gasLimit": built.gas_limit,
            "eip1559Params": built.eip_1559_params,
            "minBaseFee": built.min_base_fee,
            "transactions": built.transactions,
        }),
    }
}

pub fn upgrades() -> Value {
    json!({
        "ecotone": Hardforks::ECOTONE.txs().collect::<Vec<_>>(),
        "fjord": Hardforks::FJORD.txs().collect::<Vec<_>>(),
        "isthmus": Hardforks::ISTHMUS.txs().collect::<Vec<_>>(),
        "jovian": Hardforks::JOVIAN.txs().collect::<Vec<_>>(),
        "karst": Hardforks::KARST.txs().collect::<Vec<_>>(),
    })
}
