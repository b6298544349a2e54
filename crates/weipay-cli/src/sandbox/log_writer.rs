//! Writes the log to standard error in a separate thread: a slow reader, or one that does not read at all, must not stop the
//! sandbox. Lines that do not fit in the queue are counted, and their number is logged.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use weipay_sandbox::LogEntry;

/// How many lines may wait to be written.
const MAX_WAITING: usize = 4096;
/// How long the program waits for the last lines when it ends.
const LAST_LINES: Duration = Duration::from_millis(500);

/// The log of a sandbox.
pub(super) struct LogWriter {
    sender: Option<SyncSender<LogEntry>>,
    lost: Arc<AtomicU64>,
    written: Receiver<()>,
}

impl LogWriter {
    pub(super) fn start() -> Self {
        Self::on(anstream::stderr(), MAX_WAITING)
    }

    fn on(out: impl Write + Send + 'static, waiting: usize) -> Self {
        let (sender, entries) = sync_channel(waiting);
        let (done, written) = sync_channel(1);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        thread::spawn(move || {
            // If the reader went away, the other lines are dropped.
            write_all(out, &entries, &counted).ok();
            done.send(()).ok();
        });
        Self { sender: Some(sender), lost, written }
    }

    /// Accepts entries and never waits.
    pub(super) fn writer(&self) -> impl Fn(LogEntry) + Send + Sync + 'static {
        let (sender, lost) = (self.sender.clone(), Arc::clone(&self.lost));
        move |entry| {
            if let Some(sender) = &sender
                && sender.try_send(entry).is_err()
            {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for LogWriter {
    /// Waits for the last lines, but not for a reader who does not read.
    fn drop(&mut self) {
        drop(self.sender.take());
        match self.written.recv_timeout(LAST_LINES) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

fn write_all(mut out: impl Write, entries: &Receiver<LogEntry>, lost: &AtomicU64) -> io::Result<()> {
    for entry in entries {
        match lost.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => writeln!(out, "{lost} lines were left out: they were not read in time")?,
        }
        writeln!(out, "{entry}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    fn entry(path: &str) -> LogEntry {
        LogEntry {
            time: 0,
            method: "GET".to_owned(),
            path: path.to_owned(),
            status: Some(200),
            code: None,
            reason: None,
            fault: None,
            is_example: false,
        }
    }

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Waits for a go-ahead before each write.
    struct Slow(Receiver<()>, Paper, Sender<()>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.2.send(()).ok();
            self.0.recv().ok();
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_in_order_and_all_of_them() {
        let paper = Paper::default();
        let lines = LogWriter::on(paper.clone(), 8);
        let writer = lines.writer();
        writer(entry("/a"));
        writer(entry("/b"));
        drop(writer);
        drop(lines);
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "1970-01-01T08:00:00+08:00 GET /a 200\n1970-01-01T08:00:00+08:00 GET /b 200\n");
    }

    #[test]
    fn a_slow_reader_delays_nobody_and_learns_what_was_left_out() {
        let paper = Paper::default();
        let ((go, wait), (writing, begun)) = (channel(), channel());
        let lines = LogWriter::on(Slow(wait, paper.clone(), writing), 1);
        let writer = lines.writer();
        writer(entry("/first"));
        begun.recv().unwrap();
        // One waits, and there is room for no more.
        for _ in 0..5 {
            writer(entry("/later"));
        }
        drop(writer);
        drop(go);
        drop(lines);
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("4 lines were left out"), "{text}");
        assert_eq!(text.matches("/later").count(), 1);
    }
}
