// The same on Go's own HTTP and JSON, which binds keys without regard to case.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

type message struct {
	Method string
	Params struct{ Name string }
}

var (
	mutex sync.Mutex
	ran   = map[string]int{}
)

func run(body []byte) {
	var one message
	var many []message
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if json.NewDecoder(bytes.NewReader(body)).Decode(&one) == nil {
		many = append(many, one)
	} else {
		json.Unmarshal(body, &many)
	}
	mutex.Lock()
	defer mutex.Unlock()
	for _, said := range many {
		if said.Method == "tools/call" {
			ran[said.Params.Name]++
		}
	}
}

func serve(writer http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	writer.Header().Set("Content-Type", "application/json")
	if request.Method == "GET" {
		mutex.Lock()
		defer mutex.Unlock()
		json.NewEncoder(writer).Encode(ran)
		return
	}
	run(body)
	io.WriteString(writer, `{"jsonrpc":"2.0","id":1,"result":{"content":[]}}`)
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, http.HandlerFunc(serve))
}
