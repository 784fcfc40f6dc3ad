//! What a connection's settings mean for a connector: typed lists, the status table, the unique id's rule.

use muster_core::field::Field;
use muster_core::settings::{DataType, FieldMapping, Origin, Settings};

use crate::About;

/// Why a mapping cannot be used with a connector: the key, and the problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct NotMappable {
    /// The key of the connection file.
    pub key: String,
    /// What is wrong and what to do.
    pub problem: String,
}

/// The settings as the pipeline uses them: columns of typed lists named by their type (`from = "emails"`,
/// `type = "Work"` is the column `emails[work]`), the employment status mapped by the connector's own table where the
/// customer has none (without it people who left would count as active).
///
/// # Errors
/// [`NotMappable`] when `unique_id` comes from anything but the provider's id or employee number.
pub fn effective(settings: &Settings, about: &About) -> Result<Settings, NotMappable> {
    let mut settings = settings.clone();
    unique_id(&settings, about)?;
    for mapping in settings.fields.values_mut() {
        if let (Origin::Column(path), Some(data_type)) = (&mapping.origin, mapping.data_type) {
            mapping.origin = Origin::Column(typed(path, data_type));
        }
    }
    let (column, words) = about.status;
    let status = settings
        .fields
        .entry(Field::EMPLOYMENT_STATUS)
        .or_insert_with(|| FieldMapping::new(Origin::Column(column.to_owned())));
    if status.values.is_empty() {
        status.values = words.iter().map(|(word, meant)| ((*word).to_owned(), (*meant).to_owned())).collect();
    }
    Ok(settings)
}

fn unique_id(settings: &Settings, about: &About) -> Result<(), NotMappable> {
    let mapping = settings.fields.get(&Field::UNIQUE_ID);
    if mapping.is_some_and(|mapping| !mapping.transforms.is_empty()) {
        let problem = "a provider's id is taken as it is; leave transforms out".to_owned();
        return Err(NotMappable { key: "fields.unique_id.transforms".to_owned(), problem });
    }
    let fits = match mapping.map(|mapping| &mapping.origin) {
        Some(Origin::Column(path)) => about.ids.contains(&path.as_str()),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let allowed = about.ids.iter().map(|id| format!("{id:?}")).collect::<Vec<_>>().join(" or ");
    let problem = format!("must be the provider's id or employee number: from = {allowed}");
    Err(NotMappable { key: "fields.unique_id.from".to_owned(), problem })
}

/// `emails` → `emails[work]`, `addresses.city` → `addresses[home].city`. A path that names a type already stays.
fn typed(path: &str, data_type: DataType) -> String {
    if path.contains('[') {
        return path.to_owned();
    }
    let (list, rest) = path.split_once('.').map_or((path, String::new()), |(list, rest)| (list, format!(".{rest}")));
    format!("{list}[{}]{rest}", type_name(data_type))
}

fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Primary => "primary",
        DataType::Secondary => "secondary",
        DataType::Home => "home",
        DataType::Work => "work",
        DataType::Office => "office",
        DataType::Mobile => "mobile",
        DataType::Assistant => "assistant",
        DataType::Fax => "fax",
        DataType::DirectDialIn => "direct-dial-in",
        DataType::Personal => "personal",
        DataType::Shipping => "shipping",
        DataType::Billing => "billing",
        DataType::Other => "other",
    }
}
