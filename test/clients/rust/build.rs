//! Generates the client from the service's OpenAPI document, by progenitor.
//!
//! It has to be the 3.0 document, since progenitor reads no other, and it lies beside this file:
//! `curl -fo openapi-3.0.json "$SANDPLANE_URL/openapi-3.0.json"`.

use serde_json::{Value, json};
use std::{env, error::Error, fs, path::PathBuf};

const DOCUMENT: &str = "openapi-3.0.json";

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

/// Three things in the document are right, and progenitor cannot read them.
fn narrow(document: &mut Value) {
    let nullables = take_nullables(document);
    each_object(document, &|value| {
        // It gives types only to application/json: with the media type of RFC 9457, errors would be bytes.
        if let Some(problem) = value.as_object_mut().and_then(|content| content.remove("application/problem+json")) {
            value["application/json"] = problem;
        }
        // It has one type per operation for success. Where that may be an empty answer, all are read as empty.
        if value.get("204").is_some() {
            for status in ["200", "201", "202"] {
                value.get_mut(status).and_then(Value::as_object_mut).and_then(|response| response.remove("content"));
            }
        }
        // It would write two types of one name for a component that may be null: that is said where it is used instead.
        if value["$ref"].as_str().is_some_and(|name| nullables.iter().any(|nullable| nullable == name)) {
            *value = json!({ "nullable": true, "allOf": [value.take()] });
        }
    });
}

/// Takes the `nullable` from the components and gives the references to those that had it.
fn take_nullables(document: &mut Value) -> Vec<String> {
    let schemas = document["components"]["schemas"].as_object_mut().expect("the document has components");
    let nullables = schemas.iter_mut().filter_map(|(name, schema)| {
        let nullable = schema.as_object_mut()?.remove("nullable")?;
        nullable.as_bool()?.then(|| format!("#/components/schemas/{name}"))
    });
    nullables.collect()
}

/// Inner ones first.
fn each_object(value: &mut Value, change: &impl Fn(&mut Value)) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(|member| each_object(member, change));
            change(value);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, change)),
        _ => {}
    }
}
