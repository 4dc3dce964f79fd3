package main

import (
	"fmt"
	"os"
	"time"
)

func Main(args map[string]interface{}) map[string]interface{} {
	switch args["do"] {
	case "hello":
		return map[string]interface{}{"greeting": "Hello " + args["name"].(string)}
	case "error":
		return map[string]interface{}{"error": "no", "more": 1}
	case "fail":
		panic("boom")
	case "exit":
		os.Exit(3)
	case "sleep":
		time.Sleep(30 * time.Second)
	case "logs":
		fmt.Println("one\ntwo")
		fmt.Fprintln(os.Stderr, "three")
		fmt.Println("four")
		return map[string]interface{}{}
	case "env":
		found := map[string]interface{}{}
		for _, name := range args["names"].([]interface{}) {
			found[name.(string)] = os.Getenv(name.(string))
		}
		return found
	case "say":
		fmt.Println(args["text"])
	}
	return args
}
