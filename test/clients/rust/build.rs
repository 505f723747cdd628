//! Generates the client from the service's OpenAPI document, by progenitor.
//!
//! It has to be the 3.0 document: progenitor reads no other. Outside of this repository, fetch it with
//! `curl -o openapi-3.0.json $SANDPLANE_URL/openapi-3.0.json` and let DOCUMENT name it.

use serde_json::Value;
use std::{env, error::Error, fs, path::PathBuf};

const DOCUMENT: &str = "../../../openapi/openapi-3.0.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DOCUMENT}");
    let text = fs::read_to_string(DOCUMENT).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    let mut document: Value = serde_json::from_str(&text)?;
    narrow(&mut document);

    let mut settings = progenitor::GenerationSettings::default();
    // Builders: a query parameter that is added later does not break a caller, as one more argument would.
    settings.with_interface(progenitor::InterfaceStyle::Builder);
    let code = progenitor::Generator::new(&settings).generate_tokens(&serde_json::from_value(document)?)?;
    let code = prettyplease::unparse(&syn::parse2(code)?);
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("sandplane.rs"), code)?;
    Ok(())
}

/// Two things in the document are right, and progenitor cannot read them.
fn narrow(value: &mut Value) {
    if let Value::Object(members) = value {
        // It gives types only to application/json: with the media type of RFC 9457, errors would be bytes.
        if let Some(problem) = members.remove("application/problem+json") {
            members.insert("application/json".into(), problem);
        }
        // It has one type per operation for success. Where that may be an empty answer, all are read as empty.
        if members.contains_key("204") {
            for (status, response) in members.iter_mut().filter(|(status, _)| status.starts_with('2')) {
                if let Some(response) = response.as_object_mut().filter(|_| status != "204") {
                    response.remove("content");
                }
            }
        }
        members.values_mut().for_each(narrow);
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(narrow);
    }
}
