package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
)

// Speaks ActionLoop for a Go function (openwhisk-api §10.7). A line of JSON comes for each run, one goes back.
func main() {
	function := reflect.ValueOf(Main)
	shape := function.Type()
	answers := os.NewFile(3, "answers")
	say := func(value interface{}) {
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			line.Reset()
			encoder.Encode(map[string]string{"error": err.Error()})
		}
		answers.Write(line.Bytes())
	}
	if shape.NumIn() != 1 || shape.NumOut() < 1 || shape.NumOut() > 2 {
		say(map[string]string{"error": "Main must take one argument and return a result, and an error if it likes."})
		os.Exit(1)
	}
	say(map[string]bool{"ok": true})
	runs := bufio.NewReaderSize(os.Stdin, 1<<16)
	for {
		line, err := runs.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		say(call(function, line))
	}
}

func call(function reflect.Value, line []byte) (result interface{}) {
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Fprintf(os.Stderr, "panic: %v\n%s", reason, debug.Stack())
			result = map[string]string{"error": fmt.Sprint(reason)}
		}
	}()
	var run map[string]json.RawMessage
	if err := json.Unmarshal(line, &run); err != nil {
		return map[string]string{"error": err.Error()}
	}
	for name, value := range run {
		var text string
		if name != "value" && json.Unmarshal(value, &text) == nil {
			os.Setenv("__OW_"+strings.ToUpper(name), text)
		}
	}
	given := reflect.New(function.Type().In(0))
	if err := json.Unmarshal(run["value"], given.Interface()); err != nil {
		return map[string]string{"error": err.Error()}
	}
	answer := function.Call([]reflect.Value{given.Elem()})
	if len(answer) == 2 && !answer[1].IsNil() {
		return map[string]string{"error": fmt.Sprint(answer[1].Interface())}
	}
	return answer[0].Interface()
}
