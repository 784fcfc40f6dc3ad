//! The parameter store of SSM: named values, in a folder each in a file that only its owner may read.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::Bytes,
    http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    answer::{LostAnswer, json_answer, json_error},
    clock::Clock,
    faults::{FaultKind, Faults, Service},
};

/// The most bytes of a value of the standard and of the advanced tier.
const STANDARD: usize = 4 * 1024;
const ADVANCED: usize = 8 * 1024;

#[derive(Clone, Serialize, Deserialize)]
struct Parameter {
    name: String,
    kind: String,
    value: String,
    version: u64,
    modified_ms: u64,
}

struct Inner {
    parameters: Mutex<BTreeMap<String, Parameter>>,
    folder: Option<PathBuf>,
    clock: Clock,
    faults: Arc<Faults>,
}

/// The parameter store.
#[derive(Clone)]
pub struct Ssm {
    inner: Arc<Inner>,
}

/// A refusal: status, code, message.
type Refusal = (u16, &'static str, String);

impl Ssm {
    /// Parameters in memory.
    pub(crate) fn in_memory(clock: Clock, faults: Arc<Faults>) -> Self {
        Self { inner: Arc::new(Inner { parameters: Mutex::default(), folder: None, clock, faults }) }
    }

    /// Parameters that are files in `folder`, which is made for its owner only.
    pub(crate) fn open(folder: &Path, clock: Clock, faults: Arc<Faults>) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut parameters = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let parameter: Parameter = serde_json::from_slice(&fs::read(&path)?).map_err(|_| {
                let message = format!("{} is no parameter; move it away", path.display());
                io::Error::new(io::ErrorKind::InvalidData, message)
            })?;
            parameters.insert(parameter.name.clone(), parameter);
        }
        let folder = Some(folder.to_owned());
        Ok(Self { inner: Arc::new(Inner { parameters: Mutex::new(parameters), folder, clock, faults }) })
    }

    fn parameters(&self) -> MutexGuard<'_, BTreeMap<String, Parameter>> {
        self.inner.parameters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of all parameters.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.parameters().keys().cloned().collect()
    }

    /// Carries out one request of the JSON protocol.
    pub(crate) fn call(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, LostAnswer> {
        let target = request.headers().get("x-amz-target").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let operation = target.strip_prefix("AmazonSSM.").unwrap_or_default();
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let answer = match self.inner.faults.take(Service::Ssm, operation) {
            Some(FaultKind::Refuse { status, code }) => json_error(status, &code, "refused by a fault"),
            Some(FaultKind::FailAfter) => {
                self.answer(operation, &body);
                json_error(500, "InternalServerError", "failed by a fault after the request was carried out")
            }
            Some(FaultKind::LoseAnswer) => {
                self.answer(operation, &body);
                return Err(LostAnswer);
            }
            None | Some(FaultKind::Conflict | FaultKind::Partial { .. }) => self.answer(operation, &body),
        };
        Ok(in_version_1_1(answer))
    }

    fn answer(&self, operation: &str, body: &Value) -> Response<Bytes> {
        let answer = match operation {
            "PutParameter" => self.put(body),
            "GetParameter" => self.get(body),
            "DeleteParameter" => self.delete(body),
            _ => Err((400, "UnknownOperationException", format!("operation {operation:?} is not stood in for"))),
        };
        match answer {
            Ok(value) => json_answer(StatusCode::OK, value.to_string().into_bytes()),
            Err((status, code, message)) => json_error(status, code, &message),
        }
    }

    fn put(&self, body: &Value) -> Result<Value, Refusal> {
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        let (name, value, tier) = (text("Name"), text("Value"), text("Tier"));
        let invalid = |message: &str| (400, "ValidationException", message.to_owned());
        if !name.starts_with('/') || name.len() > 1011 || name.bytes().any(|b| !is_of_name(b)) {
            return Err(invalid("a name begins with / and has letters, digits and _.-/ only"));
        }
        if !["String", "StringList", "SecureString"].contains(&text("Type")) {
            return Err(invalid("Type is String, StringList or SecureString"));
        }
        let most = if ["Advanced", "Intelligent-Tiering"].contains(&tier) { ADVANCED } else { STANDARD };
        if value.is_empty() || value.len() > most {
            return Err(invalid(&format!("a value has 1 to {most} bytes")));
        }
        let mut parameters = self.parameters();
        let before = parameters.get(name).map_or(0, |parameter| parameter.version);
        if before > 0 && body["Overwrite"] != json!(true) {
            return Err((400, "ParameterAlreadyExists", "The parameter already exists.".to_owned()));
        }
        let parameter = Parameter {
            name: name.to_owned(),
            kind: text("Type").to_owned(),
            value: value.to_owned(),
            version: before + 1,
            modified_ms: self.inner.clock.now_ms(),
        };
        self.keep(&parameter).map_err(|error| (500, "InternalServerError", error.to_string()))?;
        parameters.insert(name.to_owned(), parameter);
        let advanced = value.len() > STANDARD || tier == "Advanced";
        Ok(json!({"Version": before + 1, "Tier": if advanced { "Advanced" } else { "Standard" }}))
    }

    fn get(&self, body: &Value) -> Result<Value, Refusal> {
        let name = body["Name"].as_str().unwrap_or_default();
        let found = self.parameters().get(name).cloned().ok_or_else(not_found)?;
        let hidden = found.kind == "SecureString" && body["WithDecryption"] != json!(true);
        let seconds = json!(found.modified_ms / 1000);
        Ok(json!({"Parameter": {
            "Name": found.name,
            "Type": found.kind,
            "Value": if hidden { "encrypted".to_owned() } else { found.value },
            "Version": found.version,
            "LastModifiedDate": seconds,
            "ARN": format!("arn:aws:ssm:{}:000000000000:parameter{name}", crate::REGION),
            "DataType": "text",
        }}))
    }

    fn delete(&self, body: &Value) -> Result<Value, Refusal> {
        let name = body["Name"].as_str().unwrap_or_default();
        let mut parameters = self.parameters();
        parameters.remove(name).ok_or_else(not_found)?;
        if let Some(path) = self.path_of(name) {
            fs::remove_file(path).map_err(|error| (500, "InternalServerError", error.to_string()))?;
        }
        Ok(json!({}))
    }

    /// Names have slashes and may be longer than file names: a file is called by the hash of its parameter's name.
    fn path_of(&self, name: &str) -> Option<PathBuf> {
        let hash: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
        self.inner.folder.as_ref().map(|folder| folder.join(format!("{hash}.json")))
    }

    fn keep(&self, parameter: &Parameter) -> io::Result<()> {
        let Some(path) = self.path_of(&parameter.name) else { return Ok(()) };
        let fresh = path.with_extension("new");
        // One that a killed process left is not trusted to have the right mode.
        if let Err(error) = fs::remove_file(&fresh)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(&serde_json::to_vec(parameter)?)?;
        fs::rename(fresh, path)
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte)
}

fn not_found() -> Refusal {
    (400, "ParameterNotFound", "there is no such parameter".to_owned())
}

fn in_version_1_1(mut answer: Response<Bytes>) -> Response<Bytes> {
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    answer
}
