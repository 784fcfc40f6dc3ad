//! Metrics as lines of CloudWatch's embedded metric format: CloudWatch makes metrics of them as they pass through the
//! log. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use muster_sync::METRICS;
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
pub const METRIC_NAMESPACE: &str = "Muster";

/// How the lines begin that are metrics.
const START: &str = r#"{"_aws":"#;

/// Whether a line that a function wrote is a metric.
pub fn is_metric(line: &str) -> bool {
    line.starts_with(START)
}

/// The dimensions of a metric. Few on purpose: each combination of values is paid for as a metric of its own, so whose it
/// was (account, connection, run) are properties, which can be searched and are not dimensions.
fn dimensions(name: &str) -> Value {
    if name == "MessageAgeSeconds" { json!([["stack"], ["stack", "function"]]) } else { json!([["stack"]]) }
}

/// The line of an event whose fields, with those of its spans, are `told`.
pub(crate) fn line(told: Map<String, Value>) -> String {
    let found = METRICS.iter().filter(|metric| told.get(metric.name).is_some_and(Value::is_number));
    let found: Vec<_> = found.collect();
    let named: Vec<_> = found.iter().map(|metric| json!({"Name": metric.name, "Unit": metric.unit})).collect();
    let dimensions = found.first().map_or_else(|| json!([["stack"]]), |metric| dimensions(metric.name));
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    let metrics = json!([{"Namespace": METRIC_NAMESPACE, "Dimensions": dimensions, "Metrics": named}]);
    let about = json!({"Timestamp": u64::try_from(now_ms).unwrap_or(0), "CloudWatchMetrics": metrics});
    let mut line = format!("{START}{about}");
    for (name, value) in told {
        line.push(',');
        line.push_str(&Value::from(name).to_string());
        line.push(':');
        line.push_str(&value.to_string());
    }
    line.push_str("}\n");
    line
}
