//! Ports under which the real planner plans and nothing comes of it: reads go through, writes stay in memory, messages
//! are refused, and the time is bounded.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;

use muster_core::ids::{AccountId, ConnectionId, UniqueId};
use muster_core::plan::Change;

use crate::plan_store::{chunk_key, summary_key};
use crate::{
    ApplyJob, Clock, Directory, EventJob, Fetched, ImportJob, Objects, Page, PollJob, PortError, ProductEvent, Queue,
    ReportJob, Run, Stored, Written,
};

type Answer<T> = Result<T, PortError>;

/// Objects whose writes are kept in memory, as far as anybody asks for them: the summary and the first chunk.
#[derive(Debug)]
pub(crate) struct Rehearsal<'a, O> {
    objects: &'a O,
    kept: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl<'a, O: Objects> Rehearsal<'a, O> {
    pub(crate) fn over(objects: &'a O) -> Self {
        Self { objects, kept: RefCell::default() }
    }

    /// What was written under a key.
    pub(crate) fn written(&self, key: &str) -> Option<Vec<u8>> {
        self.kept.borrow().get(key).cloned()
    }
}

impl<O: Objects> Objects for Rehearsal<'_, O> {
    async fn fetch(&self, key: &str, version: Option<&str>) -> Answer<Option<Fetched>> {
        self.objects.fetch(key, version).await
    }

    async fn read(&self, key: &str) -> Answer<Option<Vec<u8>>> {
        match self.written(key) {
            Some(bytes) => Ok(Some(bytes)),
            None => self.objects.read(key).await,
        }
    }

    async fn write(&self, key: &str, bytes: Vec<u8>, _kind: &'static str) -> Answer<()> {
        if [chunk_key("", 0), summary_key("")].iter().any(|kept| key.ends_with(kept)) {
            self.kept.borrow_mut().insert(key.to_owned(), bytes);
        }
        Ok(())
    }

    async fn write_file(&self, _key: &str, _file: File, _kind: &'static str) -> Answer<()> {
        Ok(())
    }

    async fn download_link(&self, _: &str, _: &str, _: u32) -> Answer<String> {
        Err(never())
    }

    async fn upload_link(&self, _: &str, _: &str, _: u32) -> Answer<String> {
        Err(never())
    }
}

/// Recipients that may be read until a time and never written.
#[derive(Debug)]
pub(crate) struct Hurry<'a, D, C> {
    directory: &'a D,
    clock: &'a C,
    until_ms: i64,
    /// People who were looked up so far.
    pub(crate) looked_up: Cell<u64>,
    /// Whether the time was up.
    pub(crate) is_late: Cell<bool>,
}

impl<'a, D: Directory, C: Clock> Hurry<'a, D, C> {
    pub(crate) fn over(directory: &'a D, clock: &'a C, until_ms: i64) -> Self {
        Self { directory, clock, until_ms, looked_up: Cell::new(0), is_late: Cell::new(false) }
    }

    fn in_time(&self) -> Answer<()> {
        if self.clock.now_ms() <= self.until_ms {
            return Ok(());
        }
        self.is_late.set(true);
        Err(PortError::later("try the settings out", "the time is up"))
    }
}

impl<D: Directory, C: Clock> Directory for Hurry<'_, D, C> {
    async fn get(&self, account: &AccountId, connection: &ConnectionId, ids: &[UniqueId]) -> Answer<Vec<Stored>> {
        self.in_time()?;
        self.looked_up.set(self.looked_up.get() + ids.len() as u64);
        self.directory.get(account, connection, ids).await
    }

    async fn write(&self, _: &Run, _: &[(usize, String)], _: &Change, _: i64) -> Answer<Written> {
        Err(never())
    }

    async fn page(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        shard: u8,
        from: Option<&str>,
        limit: Option<u32>,
    ) -> Answer<Page<Stored>> {
        self.in_time()?;
        self.directory.page(account, connection, shard, from, limit).await
    }

    async fn count_group(&self, connection: &ConnectionId, slot: usize, value: &str) -> Answer<u64> {
        self.directory.count_group(connection, slot, value).await
    }

    async fn group_page(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        slot: usize,
        value: &str,
        from: Option<&UniqueId>,
        limit: u32,
    ) -> Answer<Page<UniqueId>> {
        self.directory.group_page(account, connection, slot, value, from, limit).await
    }
}

/// Queues that take nothing.
#[derive(Debug)]
pub(crate) struct NoQueue;

impl Queue for NoQueue {
    async fn send_apply(&self, _: &[ApplyJob]) -> Answer<()> {
        Err(never())
    }

    async fn send_import(&self, _: &ImportJob) -> Answer<()> {
        Err(never())
    }

    async fn send_report(&self, _: &ReportJob) -> Answer<()> {
        Err(never())
    }

    async fn send_poll(&self, _: &PollJob) -> Answer<()> {
        Err(never())
    }

    async fn send_events(&self, _: &[EventJob]) -> Answer<()> {
        Err(never())
    }

    async fn publish(&self, _: &[ProductEvent]) -> Answer<()> {
        Err(never())
    }
}

fn never() -> PortError {
    PortError::never("try the settings out", "a trial writes and sends nothing")
}
