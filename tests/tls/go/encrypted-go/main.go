// What a program on nats.go does over an encrypted connection or a WebSocket: a round trip through a
// subscription of its own. Arguments: address, then ca, cert, key and first as far as wanted.
package main

import (
	"encoding/json"
	"log"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	given := map[string]string{}
	for _, argument := range os.Args[2:] {
		name, value, _ := strings.Cut(argument, "=")
		given[name] = value
	}
	var options []nats.Option
	if ca := given["ca"]; ca != "" {
		options = append(options, nats.RootCAs(ca))
	}
	if cert := given["cert"]; cert != "" {
		options = append(options, nats.ClientCert(cert, given["key"]))
	}
	if given["first"] != "" {
		options = append(options, nats.TLSHandshakeFirst())
	}
	nc, err := nats.Connect(os.Args[1], options...)
	check(err)
	sub, err := nc.SubscribeSync("encrypted.go")
	check(err)
	body := strings.Repeat("0123456789", 30_000)
	check(nc.Publish("encrypted.go", []byte(body)))
	msg, err := sub.NextMsg(10 * time.Second)
	check(err)
	_, tlsError := nc.TLSConnectionState()
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"echo":      string(msg.Data) == body,
		"encrypted": tlsError == nil,
	}))
	check(nc.Drain())
	for !nc.IsClosed() {
		time.Sleep(time.Millisecond)
	}
}
