//! What the functions write: a line of JSON for each thing that happened, with what is known of its message at the top
//! level of every line. `docs/logs.md` lists the fields.

use std::fmt;
use std::panic::PanicHookInfo;

use muster_sync::METRIC_TARGET;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

/// How the targets of this product's own lines begin. Whatever others write may hold bodies and headers.
const OURS: [&str; 9] = [
    "muster",
    "admin_api",
    "apply",
    "file_import",
    "report_email",
    "scheduled_poll",
    "sftp_identity",
    "webhook_apply",
    "webhook_intake",
];

/// JSON lines to standard error, filtered by `RUST_LOG` (`info` unless set), and metrics to standard output, which are
/// not filtered. Panics are lines too.
pub fn init_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // A second call finds a logger in place: fine.
    let _ = subscriber(filter, write_out).try_init();
    std::panic::set_hook(Box::new(told_panic));
}

/// What writes every line of this product to `write`, as a filter like `RUST_LOG`'s lets it through. Of other crates
/// it says only that something went wrong and where, however much the filter lets through.
pub fn subscriber(
    filter: EnvFilter,
    write: impl Fn(&str) + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync + 'static {
    let capped = Targets::new().with_default(LevelFilter::WARN);
    let capped = OURS.iter().fold(capped, |capped, ours| capped.with_target(*ours, LevelFilter::TRACE));
    let filter = match format!("{METRIC_TARGET}=info").parse() {
        Ok(metrics) => filter.add_directive(metrics),
        Err(_) => filter,
    };
    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").ok();
    let stack = std::env::var("MUSTER_STACK").unwrap_or_else(|_| "muster".to_owned());
    Registry::default().with(filter).with(capped).with(JsonLines { write, function, stack })
}

fn write_out(line: &str) {
    use std::io::Write;
    // One write a line: other processes may share the stream. Nothing can be said where it fails.
    let _ = match crate::metrics::is_metric(line) {
        true => std::io::stdout().lock().write_all(line.as_bytes()),
        false => std::io::stderr().lock().write_all(line.as_bytes()),
    };
}

/// Only the place: what a panic says may quote a value.
fn told_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(panic.at = place, "panicked");
}

/// Writes a line for each event.
struct JsonLines<W> {
    write: W,
    /// Whose lines these are, where no span says so.
    function: Option<String>,
    /// What the installation is called: the dimension of its metrics.
    stack: String,
}

/// What a span tells of all lines within it.
struct Known(Map<String, Value>);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if is_ours(span.metadata().target()) {
            let mut known = Known(Map::new());
            attributes.record(&mut Reader(&mut known.0));
            span.extensions_mut().insert(known);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(known) = span.extensions_mut().get_mut::<Known>() {
            values.record(&mut Reader(&mut known.0));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut told = Map::new();
        told.extend(self.function.clone().map(|function| ("function".to_owned(), Value::from(function))));
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(known) = span.extensions().get::<Known>() {
                told.extend(known.0.clone());
            }
        }
        let about = event.metadata();
        if about.target() == METRIC_TARGET {
            event.record(&mut Reader(&mut told));
            told.insert("stack".to_owned(), Value::from(self.stack.as_str()));
            return (self.write)(&crate::metrics::line(told));
        }
        let message = if is_ours(about.target()) {
            event.record(&mut Reader(&mut told));
            told.remove("message").unwrap_or_default()
        } else {
            let place = format!("{}:{}", about.target(), about.line().unwrap_or_default());
            told.insert("library.at".to_owned(), Value::from(place));
            Value::from("a library warns")
        };
        (self.write)(&line(about.level().as_str(), &message, &told));
    }
}

fn is_ours(target: &str) -> bool {
    OURS.iter().any(|ours| target.starts_with(ours))
}

/// Time, level and message first, for whoever reads it.
fn line(level: &str, message: &Value, told: &Map<String, Value>) -> String {
    let mut time = String::new();
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    let mut line = format!(r#"{{"timestamp":"{time}","level":"{level}","message":{message}"#);
    for (name, value) in told {
        line.push(',');
        line.push_str(&Value::from(name.as_str()).to_string());
        line.push(':');
        line.push_str(&value.to_string());
    }
    line.push_str("}\n");
    line
}

/// Reads fields into JSON by their names as they are.
struct Reader<'a>(&'a mut Map<String, Value>);

impl Reader<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The lines that `write` leads to under a filter.
    fn lines(filter: &str, write: impl FnOnce()) -> Vec<Value> {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keep = kept.clone();
        let subscriber = subscriber(EnvFilter::new(filter), move |line| {
            assert!(line.ends_with('\n') && !line.trim_end().contains('\n'), "{line}");
            keep.lock().unwrap().push(serde_json::from_str(line).unwrap());
        });
        tracing::subscriber::with_default(subscriber, write);
        let kept = kept.lock().unwrap();
        kept.clone()
    }

    #[test]
    fn what_becomes_known_of_a_message_stands_flat_on_every_later_line() {
        let found = lines("info", || {
            let span = tracing::error_span!("message", request_id = "r-1", run.id = tracing::field::Empty);
            let _inside = span.enter();
            tracing::info!(rows = 3, "first");
            tracing::Span::current().record("run.id", "0a");
            tracing::info_span!("inner").in_scope(|| tracing::info!(name = %"say \"hi\"\n", "second"));
        });
        let expected = [
            serde_json::json!({"level": "INFO", "message": "first", "request_id": "r-1", "rows": 3}),
            serde_json::json!({"level": "INFO", "message": "second", "request_id": "r-1", "run.id": "0a",
                "name": "say \"hi\"\n"}),
        ];
        for (found, expected) in found.iter().zip(&expected) {
            let mut found = found.clone();
            let time = found.as_object_mut().unwrap().remove("timestamp").unwrap();
            assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
            assert_eq!(&found, expected);
        }
        assert_eq!(found.len(), expected.len());
    }

    #[test]
    fn a_warning_names_its_message_also_where_only_warnings_are_written() {
        let found = lines("warn", || {
            let _inside = tracing::error_span!("message", run.id = "0a").entered();
            tracing::info!("not written");
            tracing::warn!("written");
        });
        assert_eq!(found.len(), 1);
        assert_eq!((found[0]["message"].as_str(), found[0]["run.id"].as_str()), (Some("written"), Some("0a")));
    }

    #[test]
    fn other_crates_say_only_where_something_went_wrong_whatever_the_filter() {
        for filter in ["trace", "debug,aws_smithy_runtime=trace,hyper=trace"] {
            let found = lines(filter, || {
                let _inside = tracing::error_span!(target: "hyper::client", "request", secret = "canary").entered();
                tracing::debug!(target: "aws_smithy_runtime::client", body = "canary", "canary");
                tracing::info!(target: "hyper::proto", "canary");
                tracing::error!(target: "lambda_runtime::layers::panic", error = "canary", "canary");
                tracing::debug!(target: "muster_sync::apply", "ours");
            });
            let told: Vec<_> = found.iter().map(|line| line["message"].as_str().unwrap()).collect();
            assert_eq!(told, ["a library warns", "ours"], "{filter}");
            assert!(found[0]["library.at"].as_str().unwrap().starts_with("lambda_runtime::layers::panic:"));
            assert!(!serde_json::to_string(&found).unwrap().contains("canary"), "{found:?}");
        }
    }

    #[test]
    fn a_panic_is_told_by_its_place_alone() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(told_panic));
        let found = lines("info", || {
            let _inside = tracing::error_span!("message", run.id = "0a").entered();
            let _ = std::panic::catch_unwind(|| panic!("canary"));
        });
        std::panic::set_hook(before);
        // Another test's panic may be told meanwhile, but not here: the subscriber is this thread's alone.
        assert_eq!((found[0]["message"].as_str(), found[0]["run.id"].as_str()), (Some("panicked"), Some("0a")));
        assert!(found[0]["panic.at"].as_str().unwrap().contains("log.rs:"), "{found:?}");
        assert!(!found[0].to_string().contains("canary"));
    }
}
