//! What of a record a field is made of: for people who ask why.

use cel::objects::Key;

use super::Bound;
use super::bound::Place;
use crate::field::Field;

impl Bound<'_> {
    /// The places in the header of the columns that the mapping names for a field; none where the field is not mapped
    /// or its column is not in this file. Of an expression that goes over the whole row only the columns it names.
    pub fn inputs(&self, field: Field) -> Vec<usize> {
        let place = match field {
            Field::UNIQUE_ID => Some(&self.id),
            Field::EMPLOYMENT_STATUS => self.status.as_ref(),
            field => self.mapping.rules.iter().position(|rule| rule.field == field).map(|at| &self.places[at]),
        };
        let mut inputs: Vec<usize> = match place {
            None | Some(Place::Absent) => Vec::new(),
            Some(Place::Column(at)) => vec![*at],
            Some(Place::Expression(expression, columns)) => {
                let named = |key: &Key| expression.columns().any(|name| Key::from(name) == *key);
                columns.iter().filter(|(key, _)| named(key)).map(|(_, at)| *at).collect()
            }
        };
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Mapping;
    use crate::settings::Settings;

    #[test]
    fn a_field_is_made_of_the_columns_that_its_mapping_names() {
        let settings = "account = \"acme\"\nname = \"people\"\n[fields.unique_id]\nfrom = \"Id\"\n\
                        [fields.first_name]\nexpr = 'row[\"First\"] + \" \" + row[\"Second\"]'\n\
                        [fields.city]\nexpr = 'row[\"Town\"] + string(size(row))'\n[fields.region]\nfrom = \"Nowhere\"\n";
        let mapping = Mapping::compile(&Settings::from_toml(settings).unwrap()).unwrap();
        let header = ["id", "First", "Second", "Town", "Pay"].map(str::to_owned);
        let (bound, _) = mapping.bind(&header);
        let inputs = |name| bound.inputs(Field::by_name(name).unwrap());
        assert_eq!((inputs("unique_id"), inputs("first_name")), (vec![0], vec![1, 2]));
        assert_eq!(inputs("city"), [3], "the rest of the row is nobody's to see");
        assert_eq!((inputs("region"), inputs("last_name")), (vec![], vec![]));
    }
}
