use serde_json::{json, Error, Value};
use std::{env, process, thread, time::Duration};

pub fn main(args: Value) -> Result<Value, Error> {
    Ok(match args["do"].as_str().unwrap_or("") {
        "hello" => json!({"greeting": format!("Hello {}", args["name"].as_str().unwrap_or(""))}),
        "error" => json!({"error": "no", "more": 1}),
        "fail" => panic!("boom"),
        "array" => json!([1, 2]),
        "text" => json!("text"),
        "exit" => process::exit(3),
        "sleep" => {
            thread::sleep(Duration::from_secs(30));
            args
        }
        "logs" => {
            println!("one\ntwo");
            eprintln!("three");
            println!("four");
            json!({})
        }
        "env" => args["names"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .map(|name| (name.to_string(), json!(env::var(name).ok())))
            .collect(),
        "say" => {
            println!("{}", args["text"].as_str().unwrap_or(""));
            args
        }
        _ => args,
    })
}
