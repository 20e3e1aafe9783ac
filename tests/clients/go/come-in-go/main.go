// Comes in with given credentials with nats.go and tells what it could do. Arguments: address, then
// user, pass, token, seed, creds, ca, cert, key and closed as far as wanted.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

type results struct {
	Echo   bool   `json:"echo"`
	Header string `json:"header"`
	Denied bool   `json:"denied,omitempty"`
}

func optionsOf(given map[string]string) ([]nats.Option, error) {
	var options []nats.Option
	if user := given["user"]; user != "" {
		options = append(options, nats.UserInfo(user, given["pass"]))
	}
	if token := given["token"]; token != "" {
		options = append(options, nats.Token(token))
	}
	if seed := given["seed"]; seed != "" {
		option, err := nats.NkeyOptionFromSeed(seed)
		if err != nil {
			return nil, err
		}
		options = append(options, option)
	}
	if creds := given["creds"]; creds != "" {
		options = append(options, nats.UserCredentials(creds))
	}
	if ca := given["ca"]; ca != "" {
		options = append(options, nats.RootCAs(ca))
	}
	if cert := given["cert"]; cert != "" {
		options = append(options, nats.ClientCert(cert, given["key"]))
	}
	return options, nil
}

func comeIn(given map[string]string) (any, error) {
	options, err := optionsOf(given)
	if err != nil {
		return nil, err
	}
	told := make(chan error, 16)
	options = append(options, nats.NoReconnect(), nats.Timeout(30*time.Second), nats.ErrorHandler(
		func(_ *nats.Conn, _ *nats.Subscription, err error) { told <- err }))
	nc, err := nats.Connect(os.Args[1], options...)
	if err != nil {
		return nil, err
	}
	_, err = nc.Subscribe("open.echo", func(msg *nats.Msg) {
		answer := nats.NewMsg(msg.Reply)
		answer.Data, answer.Header = msg.Data, msg.Header
		_ = nc.PublishMsg(answer)
	})
	if err != nil {
		return nil, err
	}
	body := strings.Repeat("0123456789", 30_000)
	question := nats.NewMsg("open.echo")
	question.Data = []byte(body)
	question.Header.Set("trace", "abc")
	answer, err := nc.RequestMsg(question, 5*time.Second)
	if err != nil {
		return nil, err
	}
	found := results{Echo: string(answer.Data) == body, Header: answer.Header.Get("trace")}
	if closed := given["closed"]; closed != "" {
		if _, err = nc.SubscribeSync(closed); err != nil {
			return nil, err
		}
		select {
		case err = <-told:
			found.Denied = strings.Contains(err.Error(), closed)
		case <-time.After(5 * time.Second):
		}
	}
	if err = nc.Drain(); err != nil {
		return nil, err
	}
	for !nc.IsClosed() {
		time.Sleep(time.Millisecond)
	}
	return found, nil
}

func isCutOff(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
}

func main() {
	given := map[string]string{}
	for _, argument := range os.Args[2:] {
		name, value, _ := strings.Cut(argument, "=")
		given[name] = value
	}
	found, err := comeIn(given)
	// A server that refuses may be gone before the last words of CONNECT are written: ask again.
	for tries := 0; err != nil && isCutOff(err) && tries < 10; tries++ {
		found, err = comeIn(given)
	}
	if err != nil {
		found = err.Error()
		if strings.Contains(strings.ToLower(err.Error()), "authorization") {
			found = "refused"
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(found)
}
