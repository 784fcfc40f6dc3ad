//! CEL expressions over a record.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::objects::{Key, Map};
use cel::{Context, Env, ExecutionError, Program, Value};

use super::uses::{DEEPEST, Offer, TOO_DEEP, Uses};

/// The longest expression, in bytes.
const LONGEST: usize = 4096;

const MOST_OPERATORS: usize = 200;
const PARSER_STACK: usize = 64 << 20;

/// What a mapping's expression may name.
const ROW: Offer =
    Offer { record: "row", variables: &[], functions: &[], hint: "the record is called row, as in row[\"Dept\"]" };

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    // Fails only if a name were taken twice; the tests call every function.
    let _ = env.add_extension(cel::extensions::strings);
    Arc::new(env)
});

/// A compiled CEL expression over `row`, a map of column name to the cell's trimmed text.
///
/// `row["Dept"]` or `row.Dept` is a cell; a column of the file that is not there makes the field keep
/// what is stored, unless the expression asks first (`"Dept" in row`, `has(row.Dept)`). Blocked columns
/// are never in `row`. The result is text, a number, a boolean, a list of these (for a field with
/// `multiple`), or `null` for "no value".
///
/// Offered are the operators of CEL (`?:`, `&&`, `||`, `!`, comparisons, `+ - * / %`, `in`), the macros
/// `has`, `all`, `exists`, `exists_one`, `map`, `filter`, and the functions
/// `trim()`, `split(sep[, n])`, `join([sep])`, `lowerAscii()`, `upperAscii()`, `replace(old, new[, n])`,
/// `substring(from[, to])`, `indexOf(text[, from])`, `lastIndexOf(text[, from])`, `charAt(i)`,
/// `reverse()`, `format(list)`, `contains(text)`, `startsWith(text)`, `endsWith(text)`, `size()`,
/// `string(x)`, `int(x)`, `uint(x)`, `double(x)`, `bool(x)`, `bytes(x)`, `type(x)`, `dyn(x)`,
/// `strings.quote(text)`. Positions count from 0, in characters. There is no clock.
/// `docs/expressions.md` shows examples.
pub struct Expression {
    program: Program,
    uses: Uses,
}

/// Why a text is no expression; a fragment for the customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExpressionError(String);

/// What an expression gave.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    Nothing,
    One(String),
    Many(Vec<String>),
}

impl Expression {
    /// Compiles an expression of at most 4096 bytes.
    ///
    /// # Errors
    /// [`ExpressionError`] when it cannot be parsed, or names a variable or function that is not offered.
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        let (program, mut uses) = compiled(source, &ROW)?;
        uses.needed = uses.needed.difference(&uses.asked).cloned().collect();
        Ok(Self { program, uses })
    }

    /// The columns it names, needed or asked for.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.uses.needed.iter().chain(&self.uses.asked).map(String::as_str)
    }

    /// The columns without which it cannot be evaluated.
    pub(super) fn needed(&self) -> impl Iterator<Item = &str> {
        self.uses.needed.iter().map(String::as_str)
    }

    /// Whether it goes over all columns.
    pub(super) fn takes_whole_row(&self) -> bool {
        self.uses.whole
    }

    /// Evaluates it on a record.
    pub(super) fn evaluate(&self, context: &Context<'_, '_>, row: HashMap<Key, Value>) -> Result<Outcome, String> {
        let mut scope = context.new_inner_scope();
        scope.add_variable_from_value("row", Value::Map(Map { map: Arc::new(row) }));
        executed(&self.program, &scope).and_then(outcome)
    }
}

impl ExpressionError {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// Parses an expression of at most 4096 bytes that names and calls nothing but what is offered.
pub(crate) fn compiled(source: &str, offer: &'static Offer) -> Result<(Program, Uses), ExpressionError> {
    if source.trim().is_empty() {
        return Err(ExpressionError("is empty".to_owned()));
    }
    if source.len() > LONGEST {
        return Err(ExpressionError(format!("is longer than {LONGEST} bytes")));
    }
    if is_deep(source) {
        return Err(ExpressionError(TOO_DEEP.to_owned()));
    }
    let (program, mut uses) = parse(source, offer)?;
    match uses.wrong.take() {
        Some(wrong) => Err(ExpressionError(wrong)),
        None => Ok((program, uses)),
    }
}

/// Carries a program out. As when compiling, a fault of the interpreter must cost this one result only.
pub(crate) fn executed(program: &Program, scope: &Context<'_, '_>) -> Result<Value, String> {
    catch_unwind(AssertUnwindSafe(|| program.execute(scope)))
        .map_err(|_| "failed on this record".to_owned())?
        .map_err(|error| execution_message(&error))
}

/// Whether brackets are nested, or operators chained, deeper than the parser can stand. Quotes are not
/// looked at, so that nothing can hide in them.
fn is_deep(source: &str) -> bool {
    let (mut open, mut deepest, mut operators, mut unary) = (0usize, 0usize, 0usize, 0usize);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        unary = if matches!(byte, b'-' | b'!') { unary + 1 } else { unary * usize::from(byte.is_ascii_whitespace()) };
        operators += usize::from(b"+-*/%?.[&|<>=!".contains(&byte));
        deepest = deepest.max(open).max(unary);
    }
    deepest > DEEPEST || operators > MOST_OPERATORS
}

/// Parses on a thread of its own: the parser takes up to 200 KB of stack for each level of nesting. A
/// fault of it must cost the expression, not the process.
fn parse(source: &str, offer: &'static Offer) -> Result<(Program, Uses), ExpressionError> {
    let unreadable = || ExpressionError("cannot be parsed".to_owned());
    let parse = || {
        let program = ENV.compile(source).map_err(|errors| ExpressionError(parse_message(&errors)))?;
        let mut uses = Uses::new(offer);
        uses.visit(program.expression(), &mut Vec::new());
        Ok((program, uses))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(PARSER_STACK).spawn_scoped(scope, parse);
        thread.map_err(|_| unreadable())?.join().map_err(|_| unreadable())?
    })
}

/// A context in which expressions are evaluated.
pub(crate) fn context() -> Context<'static, 'static> {
    Context::with_env(Arc::clone(&ENV))
}

fn outcome(value: Value) -> Result<Outcome, String> {
    match value {
        Value::Null => Ok(Outcome::Nothing),
        Value::List(values) => values.iter().map(scalar).collect::<Result<_, _>>().map(Outcome::Many),
        value => scalar(&value).map(Outcome::One),
    }
}

fn scalar(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.to_string()),
        Value::Int(number) => Ok(number.to_string()),
        Value::UInt(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(format!("gives a {:?}, not a text", other.type_of()).to_lowercase()),
    }
}

/// The interpreter's message without values: they may be personal data.
fn execution_message(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(_) => "asks for a column or key that is not there".to_owned(),
        ExecutionError::NoSuchOverload(overload) => overload.to_string(),
        ExecutionError::UndeclaredReference(name) => format!("names {name:?}, which is not offered"),
        ExecutionError::FunctionError { function, .. } => format!("failed in {function}()"),
        ExecutionError::IndexOutOfBounds(_) => "asks for a list entry that is not there".to_owned(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "divides by zero".to_owned(),
        ExecutionError::Overflow(..) => "gives a number that is too large".to_owned(),
        _ => "failed on this record".to_owned(),
    }
}

fn parse_message(errors: &cel::ParseErrors) -> String {
    let Some(error) = errors.errors.first() else { return "cannot be parsed".to_owned() };
    if error.msg.contains("ecursion limit") {
        return TOO_DEEP.to_owned();
    }
    let (line, character) = error.pos;
    format!("cannot be parsed at line {line}, character {character}: {}", error.msg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluate(source: &str) -> Result<Outcome, String> {
        let row = [("Dept", " R&D "), ("First", "Ana"), ("Tags", "a;b"), ("Id", "0042")];
        let row = row.into_iter().map(|(name, text)| (Key::from(name), Value::from(text))).collect();
        let expression = Expression::compile(source).map_err(|error| error.to_string())?;
        expression.evaluate(&context(), row)
    }

    fn check(source: &str, expected: &str) {
        assert_eq!(evaluate(source), Ok(Outcome::One(expected.to_owned())), "{source}");
    }

    fn refused(source: &str, part: &str) {
        let error = Expression::compile(source).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(part), "{source}: {error:?}");
    }

    #[test]
    fn every_documented_function_works() {
        check(r#"row["Dept"].trim()"#, "R&D");
        check("row.First.lowerAscii() + '.' + row.First.upperAscii()", "ana.ANA");
        check("row.Tags.split(';').join('+')", "a+b");
        check("row.Tags.split(';', 1)[0]", "a;b");
        check("row.First.replace('a', 'e')", "Ane");
        check("row.First.substring(1) + row.First.substring(0, 1)", "naA");
        check("string(row.First.indexOf('n')) + string(row.First.lastIndexOf('a'))", "12");
        check("row.First.charAt(0) + row.First.reverse()", "AanA");
        check("'%s-%s'.format([row.First, row.Id])", "Ana-0042");
        check("row.First.contains('n') && row.First.startsWith('A') && row.First.endsWith('a') ? 'y' : 'n'", "y");
        check("size(row.First) + int(row.Id) + int(uint(1)) + int(double('2'))", "48");
        check("string(bool('true')) + string(bytes('a'))", "truea");
        check("type(dyn(1)) == int ? strings.quote('x') : ''", "\"x\"");
    }

    #[test]
    fn results_may_be_nothing_or_several() {
        assert_eq!(evaluate("row.First == 'Ana' ? null : dyn('x')"), Ok(Outcome::Nothing));
        assert_eq!(
            evaluate("row.Tags.split(';').map(t, t.upperAscii())"),
            Ok(Outcome::Many(vec!["A".to_owned(), "B".to_owned()]))
        );
        assert!(evaluate("{'a': 1}").is_err());
        assert!(evaluate("int(row.First)").is_err());
        assert!(evaluate("row.Tags.split(';')[7]").is_err());
    }

    #[test]
    fn what_is_not_offered_is_refused_before_any_record() {
        refused("rows['Dept']", "row");
        refused("row.First.lower()", "lowerAscii");
        refused("now()", "not offered");
        refused("[1].map(a, [1].map(b, [1].map(c, c)))", "flatter");
        refused("row[", "parsed");
        refused("", "empty");
    }

    #[test]
    fn deep_nesting_is_refused_and_never_overflows_the_stack() {
        let chain = |part: &str, count: usize| format!("row.A{}", part.repeat(count));
        let nested = |open: &str, close: &str, count| format!("{}row.A{}", open.repeat(count), close.repeat(count));
        for count in [30, 150, 190, 240] {
            refused(&nested("(", ")", count), "deep");
            refused(&nested("[", "]", count), "deep");
            refused(&nested("- ", "", count), "deep");
            refused(&chain(" + 'x'", count), "deep");
            refused(&chain(".trim()", count), "deep");
            refused(&chain("[0]", count), "deep");
            refused(&nested("true ? 'x' : ", "", count), "deep");
        }
        for source in
            [nested("(", ")", 20), chain(" + 'x'", 20), chain(".trim()", 20), nested("'' == 'a' ? '' : ", "", 20)]
        {
            let expression = Expression::compile(&source).unwrap();
            let row = [(Key::from("A"), Value::from("a"))].into_iter().collect();
            assert!(expression.evaluate(&context(), row).is_ok(), "{source}");
        }
    }

    #[test]
    fn the_columns_are_known_before_any_record() {
        let expression = Expression::compile("has(row.A) ? row.A : ('B' in row ? row['B'] : row['C'])").unwrap();
        assert_eq!(expression.needed().collect::<Vec<_>>(), ["C"]);
        assert_eq!(expression.columns().collect::<Vec<_>>(), ["C", "A", "B"]);
        assert!(!expression.takes_whole_row());
        assert!(Expression::compile("row.exists(k, row[k] == 'x') ? 'a' : 'b'").unwrap().takes_whole_row());
    }
}
