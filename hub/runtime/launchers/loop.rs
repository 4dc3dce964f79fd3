// Speaks ActionLoop for a Rust function (openwhisk-api §10.7). A line of JSON comes for each run, one goes back.

use serde_json::{json, Value};
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::fd::FromRawFd;
use std::panic::{self, AssertUnwindSafe};

fn main() {
    // Descriptor 3 is ours alone: it was made for the answers.
    let mut answers = unsafe { File::from_raw_fd(3) };
    let mut say = move |value: &Value| {
        let _ = io::stdout().flush();
        let _ = answers.write_all(format!("{}\n", value).as_bytes());
    };
    say(&json!({"ok": true}));
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        let Ok(mut run) = serde_json::from_str::<Value>(&line) else { return };
        if let Some(members) = run.as_object() {
            for (name, value) in members {
                if let (true, Some(text)) = (name != "value", value.as_str()) {
                    std::env::set_var(format!("__OW_{}", name.to_uppercase()), text);
                }
            }
        }
        let value = run["value"].take();
        say(&match panic::catch_unwind(AssertUnwindSafe(|| actions::main(value))) {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => json!({"error": error.to_string()}),
            Err(reason) => json!({"error": words(reason.as_ref())}),
        });
    }
}

fn words(reason: &(dyn std::any::Any + Send)) -> String {
    match (reason.downcast_ref::<&str>(), reason.downcast_ref::<String>()) {
        (Some(text), _) => text.to_string(),
        (_, Some(text)) => text.clone(),
        _ => "the action panicked".to_string(),
    }
}
