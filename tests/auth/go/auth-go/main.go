// Comes in with each kind of credentials with plain nats.go, and tells what happened. Arguments: URL,
// file with a seed, file with the seed of a stranger.
package main

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const patience = 10 * time.Second

func outcome(act func(*nats.Conn, chan error) any, options ...nats.Option) any {
	heard := make(chan error, 16)
	options = append(options, nats.NoReconnect(), nats.Timeout(patience),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { heard <- err }))
	nc, err := nats.Connect(os.Args[1], options...)
	if errors.Is(err, nats.ErrAuthorization) {
		return "refused"
	}
	if err != nil {
		return err.Error()
	}
	defer nc.Close()
	if err := nc.Flush(); err != nil {
		return err.Error()
	}
	if act == nil {
		return "in"
	}
	return act(nc, heard)
}

func permissions(nc *nats.Conn, heard chan error) any {
	nc.SubscribeSync("closed.a")
	var told error
	select {
	case told = <-heard:
	case <-time.After(patience):
		return "nothing was said"
	}
	nc.Subscribe("open.a", func(msg *nats.Msg) { msg.Respond([]byte("yes")) })
	reply, err := nc.Request("open.a", []byte("?"), patience)
	if err != nil {
		return err.Error()
	}
	return []any{strings.Contains(strings.ToLower(told.Error()), "permissions violation"), len(reply.Data)}
}

func nkey(file string) nats.Option {
	option, err := nats.NkeyOptionFromSeed(file)
	if err != nil {
		panic(err)
	}
	return option
}

func main() {
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"password":    outcome(nil, nats.UserInfo("alice", "secret")),
		"wrong":       outcome(nil, nats.UserInfo("alice", "wrong")),
		"hash":        outcome(nil, nats.UserInfo("hashed", "secret")),
		"nobody":      outcome(nil),
		"nkey":        outcome(nil, nkey(os.Args[2])),
		"stranger":    outcome(nil, nkey(os.Args[3])),
		"permissions": outcome(permissions, nats.UserInfo("bound", "secret")),
	})
}
