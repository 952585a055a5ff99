//! Loading: pieces into a staging table over several connections, a checksum from both sides, one transaction that swaps.
//!
//! A piece is one row group: its rows and the note that they are there are committed together, so that a load that was killed,
//! cut off or whose server fell over goes on with the pieces that are missing. Readers see the old table until the new one is
//! whole. While a connection sends and commits one piece, the next is read and encoded already. Memory: a few batches of 8,192
//! rows for each connection.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::SinkExt as _;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_postgres::Client;

use super::address::Address;
use super::checksum::Checksum;
use super::columns::{literal, quoted};
use super::connection::{Database, open, rows};
use super::copy::{HEADER, TRAILER, encode};
use super::error::PostgresError;
use super::migrate::SkyIndex;
use super::plan::{LoadRequest, Piece, TablePlan, checksum_sql};
use crate::error::Error;
use crate::progress::Progress;

/// Rows that are decoded and encoded at once.
const BATCH_ROWS: usize = 8192;
/// Encoded batches that wait for a slow server, a connection.
const WAITING: usize = 4;
/// Pause before the second attempt to connect; doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Every session works as the role that owns what it loads.
const AS_INGEST: &str = "SET ROLE astrolab_ingest";
/// Sessions that copy do not wait for the disk: a crash may forget the last pieces, each with its note, and the load sends them
/// again. The swap waits, and with it for all that was committed before
/// (<https://www.postgresql.org/docs/16/wal-async-commit.html>).
const COPYING: &str = "SET synchronous_commit = off";

/// What became of one table.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Loaded {
    /// Schema and table.
    pub table: String,
    /// Rows and checksum, the same here and on the server.
    pub checksum: Checksum,
    /// Columns.
    pub columns: usize,
    /// Pieces that an earlier, unfinished load had committed.
    pub resumed_pieces: usize,
    /// The table was there, from the same archive: nothing was done.
    pub unchanged: bool,
    /// Bytes that were sent.
    pub sent_bytes: u64,
    /// How long it took.
    pub seconds: Seconds,
}

/// Seconds that a load's stages took.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Seconds {
    /// Reading, encoding and sending rows.
    pub copy: f64,
    /// The server's checksum.
    pub verify: f64,
    /// Keys, indexes and statistics.
    pub index: f64,
}

/// A database that is migrated, and how it is loaded.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Where it is.
    pub address: &'a Address,
    /// How positions are indexed there.
    pub sky_index: SkyIndex,
}

/// Loads tables that `plan` laid out, one after the other.
///
/// # Errors
/// [`PostgresError::Busy`], [`PostgresError::Value`], [`PostgresError::Different`], [`PostgresError::Lost`] after the last
/// attempt, or what the server says. What is committed stays, unseen, and the next load goes on with it.
pub fn load(
    target: Target<'_>,
    request: &LoadRequest,
    plans: &[TablePlan],
    progress: &dyn Progress,
) -> Result<Vec<Loaded>, PostgresError> {
    plans.iter().map(|plan| load_patiently(target, request, plan, progress)).collect()
}

/// A server that falls over and comes back costs a load nothing but time: what is committed is not sent again.
fn load_patiently(
    target: Target<'_>,
    request: &LoadRequest,
    plan: &TablePlan,
    progress: &dyn Progress,
) -> Result<Loaded, PostgresError> {
    let mut pause = FIRST_PAUSE;
    for attempt in 2..=request.attempts {
        match load_table(target, request, plan, progress) {
            Err(broken) if broken.is_lost_connection() => {
                let attempts = request.attempts;
                progress.note(&format!("the server is away, attempt {attempt} of {attempts} on {} follows", plan.name));
                std::thread::sleep(pause);
                pause *= 2;
            }
            ended => return ended,
        }
    }
    load_table(target, request, plan, progress)
}

fn load_table(
    target: Target<'_>,
    request: &LoadRequest,
    plan: &TablePlan,
    progress: &dyn Progress,
) -> Result<Loaded, PostgresError> {
    let database = Database::connect(target.address)?;
    database.execute("work as astrolab_ingest", AS_INGEST)?;
    let lock = format!("SELECT pg_try_advisory_lock(hashtext({}))", literal(&plan.target()));
    if database.value("lock the table", &lock)?.as_deref() != Some("t") {
        return Err(PostgresError::Busy { table: plan.target() });
    }
    if let Some(checksum) = finished(&database, plan)? {
        index_anew(&database, plan, target.sky_index)?;
        let (table, columns) = (plan.target().replace('"', ""), plan.columns.len());
        return Ok(Loaded {
            table,
            checksum,
            columns,
            resumed_pieces: 0,
            unchanged: true,
            sent_bytes: 0,
            seconds: Seconds::default(),
        });
    }
    let done = prepare(&database, plan)?;
    let there: Vec<bool> = (0..plan.pieces.len()).map(|piece| done.contains(&piece)).collect();
    progress.begin(&format!("load {}", plan.name), plan.rows, "rows");
    let already: u64 = plan.pieces.iter().zip(&there).filter(|(_, there)| **there).map(|(piece, _)| piece.rows).sum();
    progress.skip(already);
    let work = Work {
        address: target.address,
        plan,
        attempts: request.attempts.max(1),
        queue: Mutex::new((0..plan.pieces.len()).filter(|&piece| !there[piece]).collect()),
        stop: AtomicBool::new(false),
        sent: Mutex::new(0),
        progress,
    };
    let mut seconds = Seconds::default();
    let mut start = Instant::now();
    // Rows of a table without places on the sky have no order but that in which they arrive.
    let connections = if plan.is_on_the_sky() { request.connections.max(1) } else { 1 };
    let copied = work.run(database.runtime.handle(), connections);
    progress.end();
    copied?;
    seconds.copy = lap(&mut start);
    let checksum = verify(&database, plan)?;
    seconds.verify = lap(&mut start);
    let indexes = plan.indexes(target.sky_index);
    progress.begin(&format!("index {}", plan.name), indexes.len() as u64 + 1, "indexes");
    for statement in indexes {
        database.execute(&format!("index {}", plan.name), &statement)?;
        progress.advance(1);
    }
    database.execute("gather statistics", &format!("ANALYZE {}", plan.staging()))?;
    progress.end();
    seconds.index = lap(&mut start);
    database.execute(&format!("put {} in its place", plan.target()), &plan.swap(Some(&checksum)))?;
    let sent_bytes = work.sent.into_inner().unwrap_or(0);
    let (table, columns) = (plan.target().replace('"', ""), plan.columns.len());
    Ok(Loaded { table, checksum, columns, resumed_pieces: done.len(), unchanged: false, sent_bytes, seconds })
}

/// Seconds since `start`, which becomes now.
fn lap(start: &mut Instant) -> f64 {
    let now = Instant::now();
    let seconds = now.duration_since(*start).as_secs_f64();
    *start = now;
    seconds
}

/// The checksum of the table that is there, where it is this very one.
fn finished(database: &Database, plan: &TablePlan) -> Result<Option<Checksum>, PostgresError> {
    let sql = format!(
        "SELECT row_count, checksum FROM astrolab.loads WHERE schema_name = {} AND table_name = {} AND fingerprint = '{}' AND table_oid = to_regclass({})",
        literal(&plan.schema),
        literal(&plan.name),
        plan.fingerprint,
        literal(&plan.target()),
    );
    Ok(database.rows("look for an earlier load", &sql)?.first().and_then(|row| checksum(row)))
}

/// Where a table is there but its positions are indexed for another kind of `cone()` than the database has now.
fn index_anew(database: &Database, plan: &TablePlan, sky: SkyIndex) -> Result<(), PostgresError> {
    let Some((name, create)) = plan.sky_index(&plan.target(), sky) else { return Ok(()) };
    let name = format!("{}.{}", quoted(&plan.schema), quoted(&name));
    let sql = format!("SELECT pg_get_indexdef(to_regclass({}))", literal(&name));
    let there = database.value("see how positions are indexed", &sql)?;
    if there.is_some_and(|there| there.contains(sky.marker())) {
        return Ok(());
    }
    let sql = format!("BEGIN; DROP INDEX IF EXISTS {name}; {create}; COMMIT");
    database.execute(&format!("index {}", plan.name), &sql)
}

fn checksum(row: &[Option<String>]) -> Option<Checksum> {
    let [rows, sum] = row else { return None };
    Some(Checksum { rows: rows.as_ref()?.parse().ok()?, sum: sum.as_ref()?.parse().ok()? })
}

fn pieces_of(plan: &TablePlan) -> String {
    let (schema, name) = (literal(&plan.schema), literal(&plan.name));
    format!("astrolab.load_pieces WHERE schema_name = {schema} AND table_name = {name}")
}

/// Makes the staging table, or keeps that of an unfinished load of the same content: the pieces that are in it.
fn prepare(database: &Database, plan: &TablePlan) -> Result<Vec<usize>, PostgresError> {
    let there = format!("SELECT to_regclass({})::text", literal(&plan.staging()));
    let done = format!("SELECT piece FROM {} AND fingerprint = '{}' ORDER BY piece", pieces_of(plan), plan.fingerprint);
    if database.value("look for an unfinished load", &there)?.is_some() {
        let rows = database.rows("look for an unfinished load", &done)?;
        let pieces: Vec<usize> = rows.iter().filter_map(|row| row.first()?.as_ref()?.parse().ok()).collect();
        if !pieces.is_empty() {
            // Keys and indexes of a load that was cut off after copying are made again.
            reset_indexes(database, plan)?;
            return Ok(pieces);
        }
    }
    discard(database, plan)?;
    database.execute(&format!("make the table {}", plan.staging()), &plan.create())?;
    Ok(Vec::new())
}

fn reset_indexes(database: &Database, plan: &TablePlan) -> Result<(), PostgresError> {
    let drop = format!(
        "DO $$ DECLARE one record; BEGIN
           FOR one IN SELECT conname FROM pg_constraint WHERE conrelid = {table}::regclass AND contype = 'p' LOOP
             EXECUTE format('ALTER TABLE {staging} DROP CONSTRAINT %I', one.conname); END LOOP;
           FOR one IN SELECT indexrelid::regclass AS name FROM pg_index WHERE indrelid = {table}::regclass LOOP
             EXECUTE format('DROP INDEX %s', one.name); END LOOP;
         END $$",
        table = literal(&plan.staging()),
        staging = plan.staging(),
    );
    database.execute("begin the indexes afresh", &drop)
}

fn discard(database: &Database, plan: &TablePlan) -> Result<(), PostgresError> {
    let sql = format!("BEGIN; DROP TABLE IF EXISTS {}; DELETE FROM {}; COMMIT;", plan.staging(), pieces_of(plan));
    database.execute("remove an unfinished load", &sql)
}

/// Compares what was sent with what the server has.
fn verify(database: &Database, plan: &TablePlan) -> Result<Checksum, PostgresError> {
    let sent = format!("SELECT coalesce(sum(row_count), 0), coalesce(sum(checksum), 0) FROM {}", pieces_of(plan));
    let ask = |sql: &str| -> Result<Checksum, PostgresError> {
        let rows = database.rows("verify the copy", sql)?;
        Ok(rows.first().and_then(|row| checksum(row)).unwrap_or_default())
    };
    let (sent, found) = (ask(&sent)?, ask(&plan.checksum())?);
    if sent != found || sent.rows != plan.rows {
        discard(database, plan)?;
        let (sent, found) = (sent.to_string(), found.to_string());
        return Err(PostgresError::Different { table: plan.target(), sent, found });
    }
    Ok(found)
}

/// Rows and checksum of a table on the server now.
///
/// # Errors
/// As [`Database::execute`].
pub fn table_checksum(database: &Database, schema: &str, table: &str) -> Result<Checksum, PostgresError> {
    let name = format!("{}.{}", super::columns::quoted(schema), super::columns::quoted(table));
    let rows = database.rows(&format!("read {name}"), &checksum_sql(&name))?;
    Ok(rows.first().and_then(|row| checksum(row)).unwrap_or_default())
}

/// Pieces of one table that several connections share.
struct Work<'a> {
    address: &'a Address,
    plan: &'a TablePlan,
    attempts: u32,
    queue: Mutex<VecDeque<usize>>,
    stop: AtomicBool,
    sent: Mutex<u64>,
    progress: &'a dyn Progress,
}

/// A piece whose rows are being encoded.
struct Begun {
    piece: usize,
    rows: Receiver<Message>,
    /// How encoding it ended.
    encoded: std::sync::mpsc::Receiver<Result<(), PostgresError>>,
}

/// From the encoder to the connection.
enum Message {
    Rows(Bytes),
    /// All rows are sent: commit them with their checksum.
    Commit(Checksum),
}

impl Work<'_> {
    fn run(&self, runtime: &Handle, connections: usize) -> Result<(), PostgresError> {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..connections).map(|_| scope.spawn(|| self.work(runtime))).collect();
            let mut outcome = Ok(());
            for worker in workers {
                let ended = worker.join().unwrap_or_else(|_| {
                    Err(PostgresError::Lost { action: "load".to_owned(), reason: "a thread ended early".to_owned() })
                });
                outcome = outcome.and(ended);
            }
            outcome
        })
    }

    /// Copies pieces until none is left, over one connection that is made again when it breaks. A thread beside it encodes
    /// ahead.
    fn work(&self, runtime: &Handle) -> Result<(), PostgresError> {
        std::thread::scope(|scope| {
            let (ahead, encoding) = sync_channel(1);
            scope.spawn(move || self.encode_ahead(&ahead));
            let mut client = None;
            for begun in encoding {
                let done = self.copy_patiently(runtime, &mut client, begun);
                if done.is_err() {
                    self.stop.store(true, Ordering::Relaxed);
                    return done;
                }
            }
            Ok(())
        })
    }

    /// Encodes piece after piece, each into a channel of its own, until none is left or nobody listens.
    fn encode_ahead(&self, ahead: &SyncSender<Begun>) {
        while let Some(piece) = self.next() {
            let (sender, rows) = channel(WAITING);
            let (tell, encoded) = sync_channel(1);
            if ahead.send(Begun { piece, rows, encoded }).is_err() {
                return;
            }
            drop(tell.send(self.encode(piece, &sender)));
        }
    }

    fn next(&self) -> Option<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        self.queue.lock().ok()?.pop_front()
    }

    fn copy_patiently(&self, runtime: &Handle, client: &mut Option<Client>, begun: Begun) -> Result<(), PostgresError> {
        let mut pause = FIRST_PAUSE;
        let piece = begun.piece;
        let mut tried = self.copy(runtime, client, begun);
        for attempt in 2..=self.attempts {
            match tried {
                Err(broken) if broken.is_lost_connection() && !self.stop.load(Ordering::Relaxed) => {
                    self.progress
                        .note(&format!("the connection broke, attempt {attempt} of {} follows", self.attempts));
                    *client = None;
                    std::thread::sleep(pause);
                    pause *= 2;
                    tried = self.copy_anew(runtime, client, piece);
                }
                ended => return ended,
            }
        }
        tried
    }

    /// Another attempt on a piece, encoded once more.
    fn copy_anew(&self, runtime: &Handle, client: &mut Option<Client>, piece: usize) -> Result<(), PostgresError> {
        std::thread::scope(|scope| {
            let (sender, rows) = channel(WAITING);
            let (tell, encoded) = sync_channel(1);
            scope.spawn(move || drop(tell.send(self.encode(piece, &sender))));
            self.copy(runtime, client, Begun { piece, rows, encoded })
        })
    }

    fn copy(&self, runtime: &Handle, client: &mut Option<Client>, begun: Begun) -> Result<(), PostgresError> {
        let Begun { piece, rows, encoded } = begun;
        let session = match client.take() {
            Some(session) => session,
            None => runtime.block_on(self.session())?,
        };
        let copied = runtime.block_on(copy_piece(session, self.plan.copy(), self.note(piece), rows));
        // A value that cannot be sent is the cause, where the encoder stopped; else what the server said.
        if let Ok(encoded) = encoded.recv() {
            encoded?;
        }
        let (session, already) = copied?;
        *client = Some(session);
        if !already {
            self.progress.advance(self.plan.pieces.get(piece).map_or(0, |piece| piece.rows));
        }
        Ok(())
    }

    async fn session(&self) -> Result<Client, PostgresError> {
        let client = open(self.address).await?;
        rows(&client, "work as astrolab_ingest", &format!("{AS_INGEST}; {COPYING}")).await?;
        Ok(client)
    }

    /// The statements that look for a piece and note it.
    fn note(&self, piece: usize) -> PieceNote {
        let key =
            [literal(&self.plan.schema), literal(&self.plan.name), format!("'{}'", self.plan.fingerprint)].join(", ");
        let look = format!(
            "SELECT 1 FROM {} AND fingerprint = '{}' AND piece = {piece}",
            pieces_of(self.plan),
            self.plan.fingerprint
        );
        PieceNote {
            look,
            insert: format!("INSERT INTO astrolab.load_pieces VALUES ({key}, {piece}"),
            table: self.plan.staging(),
        }
    }

    /// Reads a row group and sends its rows. A receiver that has gone is no error here: it says itself why.
    fn encode(&self, number: usize, sender: &Sender<Message>) -> Result<(), PostgresError> {
        let Some(piece) = self.plan.pieces.get(number) else { return Ok(()) };
        let mut sum = Checksum::default();
        let mut buffer = HEADER.to_vec();
        for batch in self.read(piece)? {
            let batch = batch.map_err(Error::arrow("read", &piece.path))?;
            let before = usize::try_from(sum.rows).unwrap_or(0);
            encode(&batch, &self.plan.columns, &mut buffer, &mut sum).map_err(|bad| PostgresError::Value {
                table: self.plan.name.clone(),
                column: self
                    .plan
                    .columns
                    .get(bad.column)
                    .map_or_else(String::new, |column| column.archive_name.clone()),
                row: before + bad.row,
                path: piece.path.as_ref().clone(),
                reason: bad.reason,
            })?;
            let capacity = buffer.len();
            if let Ok(mut sent) = self.sent.lock() {
                *sent += capacity as u64;
            }
            let rows = std::mem::replace(&mut buffer, Vec::with_capacity(capacity));
            if sender.blocking_send(Message::Rows(rows.into())).is_err() {
                return Ok(());
            }
        }
        buffer.extend_from_slice(TRAILER);
        if sender.blocking_send(Message::Rows(buffer.into())).is_ok() {
            // The same: the receiver tells.
            drop(sender.blocking_send(Message::Commit(sum)));
        }
        Ok(())
    }

    fn read(&self, piece: &Piece) -> Result<ParquetRecordBatchReader, PostgresError> {
        let file = File::open(piece.path.as_ref()).map_err(Error::io("open", &piece.path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet("read", &piece.path))?;
        let mut roots = Vec::with_capacity(self.plan.columns.len());
        for column in &self.plan.columns {
            let root = builder.schema().index_of(&column.archive_name);
            roots.push(root.map_err(Error::arrow("read", &piece.path))?);
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let reader = builder.with_row_groups(vec![piece.row_group]).with_projection(mask).with_batch_size(BATCH_ROWS);
        Ok(reader.build().map_err(Error::parquet("read", &piece.path))?)
    }
}

struct PieceNote {
    look: String,
    insert: String,
    table: String,
}

/// Copies one piece in one transaction, with the note that it is there. Says whether it was there before: a connection
/// can break after the server has committed.
async fn copy_piece(
    client: Client,
    copy: String,
    note: PieceNote,
    mut receiver: Receiver<Message>,
) -> Result<(Client, bool), PostgresError> {
    let action = format!("copy into {}", note.table);
    let failed = |error: tokio_postgres::Error| PostgresError::from_driver(action.clone(), &error);
    if !rows(&client, "look for a piece", &note.look).await?.is_empty() {
        // The encoder runs on into a closed channel.
        return Ok((client, true));
    }
    client.batch_execute("BEGIN").await.map_err(failed)?;
    let sink = client.copy_in::<_, Bytes>(copy.as_str()).await.map_err(failed)?;
    let mut sink = std::pin::pin!(sink);
    let mut commit = None;
    while let Some(message) = receiver.recv().await {
        match message {
            Message::Rows(rows) => sink.send(rows).await.map_err(failed)?,
            Message::Commit(checksum) => commit = Some(checksum),
        }
    }
    let Some(checksum) = commit else {
        // The encoder gave up and says why; the session ends here, and the server takes back what it had.
        return Err(PostgresError::Lost { action, reason: "reading the archive ended early".to_owned() });
    };
    sink.finish().await.map_err(failed)?;
    let end = format!("{}, {}, {}); COMMIT", note.insert, checksum.rows, checksum.sum);
    client.batch_execute(&end).await.map_err(failed)?;
    Ok((client, false))
}
