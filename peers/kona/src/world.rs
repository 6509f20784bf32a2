//! What a request brings along, behind the interfaces by which kona asks for it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_consensus::{Block, BlockBody, Eip658Value, Header, Receipt, TxEnvelope};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, B256, Bytes, Log, LogData, U256};
use async_trait::async_trait;
use kona_derive::{ChainProvider, L2ChainProvider, PipelineError, PipelineErrorKind};
use kona_genesis::{RollupConfig, SystemConfig};
use kona_protocol::{BatchValidationProvider, BlockInfo, L2BlockInfo};
use op_alloy_consensus::{OpBlock, OpTxEnvelope};
use serde::Deserialize;

#[derive(Deserialize, Default)]
pub struct Request {
    pub cmd: String,
    #[serde(default)]
    pub data: Bytes,
    pub cfg: Option<RollupConfig>,
    #[serde(default)]
    pub maxrlp: usize,
    /// The time of the L1 block in which a channel is read.
    #[serde(default)]
    pub time: u64,
    #[serde(default)]
    pub l1: Vec<L1Block>,
    pub syscfg: Option<SystemConfig>,
    pub parent: Option<L2BlockInfo>,
    pub epoch: Option<alloy_eips::BlockNumHash>,
    pub safe: Option<L2Ref>,
    pub incl: Option<L1Ref>,
    #[serde(default)]
    pub l1refs: Vec<L1Ref>,
    #[serde(default)]
    pub l2: Vec<L2Block>,
}

impl Request {
    pub fn config(&self) -> &RollupConfig {
        self.cfg.as_ref().expect("cfg")
    }
}

/// A block of L1 as op-node's JSON has it.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
pub struct L1Ref {
    pub hash: B256,
    pub number: u64,
    pub parent_hash: B256,
    pub timestamp: u64,
}

impl From<L1Ref> for BlockInfo {
    fn from(block: L1Ref) -> Self {
        Self::new(block.hash, block.number, block.parent_hash, block.timestamp)
    }
}

/// A block of L2 as op-node's JSON has it.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
pub struct L2Ref {
    pub hash: B256,
    pub number: u64,
    pub parent_hash: B256,
    pub timestamp: u64,
    #[serde(rename = "l1origin")]
    pub l1_origin: alloy_eips::BlockNumHash,
    pub sequence_number: u64,
}

impl From<L2Ref> for L2BlockInfo {
    fn from(block: L2Ref) -> Self {
        let info = BlockInfo::new(block.hash, block.number, block.parent_hash, block.timestamp);
        Self::new(info, block.l1_origin, block.sequence_number)
    }
}

#[derive(Deserialize, Clone)]
pub struct L1Block {
    pub number: u64,
    pub time: u64,
    pub hash: B256,
    pub parent: B256,
    pub mix: B256,
    pub basefee: U256,
    pub excessblob: Option<u64>,
    pub beacon: Option<B256>,
    #[serde(default)]
    pub logs: Vec<L1Log>,
}

#[derive(Deserialize, Clone)]
pub struct L1Log {
    pub address: Address,
    pub topics: Vec<B256>,
    pub data: Bytes,
}

/// A block of the safe chain with its transactions, deposits included.
#[derive(Deserialize, Clone)]
pub struct L2Block {
    #[serde(rename = "ref")]
    pub reference: L2Ref,
    pub txs: Vec<Bytes>,
}

#[derive(Debug)]
pub struct Absent;

impl std::fmt::Display for Absent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not there")
    }
}

impl From<Absent> for PipelineErrorKind {
    fn from(_: Absent) -> Self {
        PipelineError::Eof.temp()
    }
}

/// The chains of one request.
#[derive(Default)]
pub struct World {
    l1: HashMap<B256, L1Block>,
    l2: HashMap<u64, L2Block>,
    system_config: SystemConfig,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl World {
    pub fn of(request: &Request) -> Self {
        Self {
            l1: request.l1.iter().map(|block| (block.hash, block.clone())).collect(),
            l2: request.l2.iter().map(|block| (block.reference.number, block.clone())).collect(),
            system_config: request.syscfg.unwrap_or_default(),
        }
    }
}

/// The header of an L1 block: what the request does not tell is empty.
fn header(block: &L1Block) -> Header {
    Header {
        number: block.number,
        timestamp: block.time,
        parent_hash: block.parent,
        mix_hash: block.mix,
        base_fee_per_gas: Some(block.basefee.to()),
        withdrawals_root: Some(EMPTY_ROOT_HASH),
        blob_gas_used: Some(0),
        excess_blob_gas: block.excessblob,
        parent_beacon_block_root: block.beacon,
        ..Default::default()
    }
}

#[async_trait]
impl ChainProvider for World {
    type Error = Absent;

    async fn header_by_hash(&mut self, hash: B256) -> Result<Header, Absent> {
        self.l1.get(&hash).map(header).ok_or(Absent)
    }

    async fn block_info_by_number(&mut self, _: u64) -> Result<BlockInfo, Absent> {
        Err(Absent)
    }

    async fn receipts_by_hash(&mut self, hash: B256) -> Result<Vec<Receipt>, Absent> {
        let block = self.l1.get(&hash).ok_or(Absent)?;
        let logs = block.logs.iter().map(|log| Log {
            address: log.address,
            data: LogData::new_unchecked(log.topics.clone(), log.data.clone()),
        });
        Ok(vec![Receipt { status: Eip658Value::Eip658(true), logs: logs.collect(), ..Default::default() }])
    }

    async fn block_info_and_transactions_by_hash(&mut self, _: B256) -> Result<(BlockInfo, Vec<TxEnvelope>), Absent> {
        Err(Absent)
    }
}

#[async_trait]
impl BatchValidationProvider for World {
    type Error = Absent;

    async fn l2_block_info_by_number(&mut self, number: u64) -> Result<L2BlockInfo, Absent> {
        self.l2.get(&number).map(|block| block.reference.into()).ok_or(Absent)
    }

    async fn l2_block_info_by_hash(&mut self, hash: B256) -> Result<L2BlockInfo, Absent> {
        self.l2.values().find(|block| block.reference.hash == hash).map(|block| block.reference.into()).ok_or(Absent)
    }

    async fn block_by_number(&mut self, number: u64) -> Result<Arc<OpBlock>, Absent> {
        let block = self.l2.get(&number).ok_or(Absent)?;
        let decode = |raw: &Bytes| OpTxEnvelope::decode_2718(&mut raw.as_ref()).map_err(|_| Absent);
        let transactions = block.txs.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let header = Header {
            number,
            timestamp: block.reference.timestamp,
            parent_hash: block.reference.parent_hash,
            ..Default::default()
        };
        Ok(Arc::new(Block::new(header, BlockBody { transactions, ..Default::default() })))
    }
}

#[async_trait]
impl L2ChainProvider for World {
    type Error = Absent;

    async fn system_config_by_l2_hash(&mut self, _: B256, _: Arc<RollupConfig>) -> Result<SystemConfig, Absent> {
        Ok(self.system_config)
    }
}

/// Nothing here ever waits: a future is done when it is asked for the first time.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("something waits"),
    }
}
