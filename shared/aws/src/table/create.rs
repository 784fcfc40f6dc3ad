//! The table's shape, for the local stand-in and tests; on AWS the template makes it.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification,
};
use muster_sync::PortError;

use super::Table;
use crate::fault::failed;

const CREATE: &str = "create the table";
/// The indexes of the three grouping slots, as names of index and hash attribute. The service wants
/// index names of three characters or more.
pub(super) const GROUP_INDEXES: [(&str, &str); 3] = [("by-g1", "g1"), ("by-g2", "g2"), ("by-g3", "g3")];
/// The index of the connections that the schedule looks at: hash `due`, range `due_at`.
pub(super) const DUE_INDEX: &str = "by-due";
/// The index of a connection's runs by time: hash `of`, range `at`.
pub(super) const TIME_INDEX: &str = "by-time";

impl Table {
    /// Makes the table unless it is there.
    ///
    /// # Errors
    /// [`PortError`] when the service refuses.
    pub async fn create(&self) -> Result<(), PortError> {
        let request = self.client.create_table().table_name(&self.name).billing_mode(BillingMode::PayPerRequest);
        let shape = shape().map_err(|error| PortError::never(CREATE, error.to_string()))?;
        let request = request.set_attribute_definitions(Some(shape.attributes));
        let request = request.set_key_schema(Some(shape.key)).set_global_secondary_indexes(Some(shape.indexes));
        match request.send().await {
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => return Ok(()),
            Err(error) => return Err(failed(CREATE, &error)),
            Ok(_) => {}
        }
        let ttl = TimeToLiveSpecification::builder().attribute_name("exp").enabled(true).build();
        let ttl = ttl.map_err(|error| PortError::never(CREATE, error.to_string()))?;
        let request = self.client.update_time_to_live().table_name(&self.name).time_to_live_specification(ttl);
        request.send().await.map(|_| ()).map_err(|error| failed(CREATE, &error))
    }
}

struct Shape {
    attributes: Vec<AttributeDefinition>,
    key: Vec<KeySchemaElement>,
    indexes: Vec<GlobalSecondaryIndex>,
}

fn shape() -> Result<Shape, BuildError> {
    let attribute =
        |name: &str| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
    let key = |hash: &str, range: &str| -> Result<Vec<_>, BuildError> {
        let part = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        Ok(vec![part(hash, KeyType::Hash)?, part(range, KeyType::Range)?])
    };
    let index = |(name, hash, range): (&str, &str, &str)| {
        let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        let index = GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(key(hash, range)?));
        index.projection(keys_only).build()
    };
    let groups = GROUP_INDEXES.iter().map(|(name, hash)| (*name, *hash, "sk"));
    let attributes = ["pk", "sk", "g1", "g2", "g3", "due", "due_at", "of", "at"];
    Ok(Shape {
        attributes: attributes.into_iter().map(attribute).collect::<Result<_, _>>()?,
        key: key("pk", "sk")?,
        indexes: groups
            .chain([(DUE_INDEX, "due", "due_at"), (TIME_INDEX, "of", "at")])
            .map(index)
            .collect::<Result<_, _>>()?,
    })
}
