//! The OpenAPI document of the control API, made from its table of routes.

use serde_json::{Map, Value, json};

use super::route::{MemberKind, placeholder};
use super::{Control, ControlError, ControlRequest, Member, Route, responses};

pub(super) const ROUTES: &[Route] = &[Route::get("/openapi.json", "This document", &[], document_of).open()];

fn document_of(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    Ok(document(control.routes()))
}

fn document<'a>(routes: impl Iterator<Item = &'a Route>) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "weipay sandbox: control API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Controls a sandbox during development and tests. Merchants' clients use the platform's address.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let error = json!({
        "description": "Nothing was done; `message` says why",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
    });
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "security": if route.is_open { json!([]) } else { json!([{ "token": [] }]) },
        "responses": responses::documented(route),
    });
    operation["responses"]["default"] = error;
    let mut parameters: Vec<Value> = route.path.split('/').filter_map(placeholder).map(in_path).collect();
    if route.has_body() {
        if !route.members.is_empty() {
            let mut schema = object(route.members);
            schema["additionalProperties"] = false.into();
            operation["requestBody"] = json!({
                "required": route.members.iter().any(|member| member.is_required),
                "content": { "application/json": { "schema": schema } },
            });
        }
    } else {
        parameters.extend(route.members.iter().map(in_query));
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    operation
}

/// `put-stocks-stock_id-state`.
fn operation_id(route: &Route) -> String {
    let words: Vec<_> = route.path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty()).collect();
    format!("{}-{}", route.method.to_ascii_lowercase(), words.join("-"))
}

fn in_path(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
}

fn in_query(member: &Member) -> Value {
    json!({
        "name": member.name,
        "in": "query",
        "required": member.is_required,
        "description": member.description,
        "schema": schema(member),
    })
}

/// An object with these members.
fn object(members: &[Member]) -> Value {
    if members.is_empty() {
        return json!({ "type": "object" });
    }
    let mut properties = Map::new();
    for member in members {
        let mut schema = schema(member);
        schema["description"] = member.description.into();
        properties.insert(member.name.to_owned(), schema);
    }
    let required: Vec<_> =
        members.iter().filter(|member| member.is_required).map(|member| member.name).collect();
    let mut body = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        body["required"] = json!(required);
    }
    body
}

fn schema(member: &Member) -> Value {
    match member.kind {
        MemberKind::Text => json!({ "type": "string", "minLength": 1 }),
        MemberKind::Word(words) => json!({ "type": "string", "enum": words }),
        MemberKind::Texts => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        MemberKind::Integer => json!({ "type": "integer" }),
        MemberKind::Number => json!({ "type": "number" }),
        MemberKind::Boolean => json!({ "type": "boolean" }),
        MemberKind::Object(members) => object(members),
        MemberKind::Objects(members) => json!({ "type": "array", "items": object(members) }),
    }
}
