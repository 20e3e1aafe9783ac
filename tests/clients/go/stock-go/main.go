// What a program on plain nats.go does all day, one result for each scenario. With `reconnect` as
// second argument: waits for the broker to go and come back; with `lame_duck`, to say so before.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const patience = 10 * time.Second

func must[T any](value T, err error) T {
	if err != nil {
		log.Panic(err)
	}
	return value
}

func check(err error) { must(0, err) }

func connect(options ...nats.Option) *nats.Conn {
	return must(nats.Connect(os.Args[1], options...))
}

func next(sub *nats.Subscription) *nats.Msg { return must(sub.NextMsg(patience)) }

func publishSubscribe(nc, other *nats.Conn) any {
	sub := must(nc.SubscribeSync("stock.go.plain.*"))
	check(nc.Flush())
	for _, word := range []string{"one", "two", "three"} {
		check(other.Publish("stock.go.plain."+word, []byte(word)))
	}
	return []string{string(next(sub).Data), string(next(sub).Data), string(next(sub).Data)}
}

func requestReply(nc, other *nats.Conn) any {
	must(nc.Subscribe("stock.go.service", func(msg *nats.Msg) {
		msg.Respond(append([]byte("answer to "), msg.Data...))
	}))
	check(nc.Flush())
	return string(must(other.Request("stock.go.service", []byte("question"), patience)).Data)
}

func queueGroup(nc, other *nats.Conn) any {
	var got [2]atomic.Int64
	leaving := connect()
	for member := range got {
		must(leaving.QueueSubscribe("stock.go.queue", "workers", func(*nats.Msg) { got[member].Add(1) }))
	}
	check(leaving.Flush())
	for range 40 {
		check(other.Publish("stock.go.queue", []byte("job")))
	}
	check(other.Flush())
	drained(leaving)
	members := 0
	for member := range got {
		if got[member].Load() > 0 {
			members++
		}
	}
	return map[string]any{"total": got[0].Load() + got[1].Load(), "members": members}
}

// drained drains a connection and returns once it is closed.
func drained(nc *nats.Conn) {
	closed := make(chan bool)
	nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	check(nc.Drain())
	select {
	case <-closed:
	case <-time.After(patience):
		log.Panic("drain does not end")
	}
}

func headers(nc, other *nats.Conn) any {
	sub := must(nc.SubscribeSync("stock.go.headers"))
	check(nc.Flush())
	msg := nats.NewMsg("stock.go.headers")
	msg.Header["key"] = []string{"value"}
	msg.Header["Other-Key"] = []string{"with: colon"}
	msg.Data = []byte("body")
	check(other.PublishMsg(msg))
	got := next(sub)
	return []string{got.Header["key"][0], got.Header["Other-Key"][0], string(got.Data)}
}

func requestMany(nc, other *nats.Conn) any {
	must(nc.Subscribe("stock.go.many", func(msg *nats.Msg) {
		for _, answer := range []string{"0", "1", "2"} {
			msg.Respond([]byte(answer))
		}
	}))
	check(nc.Flush())
	inbox := other.NewRespInbox()
	sub := must(other.SubscribeSync(inbox))
	check(sub.AutoUnsubscribe(3))
	check(other.PublishRequest("stock.go.many", inbox, nil))
	return []string{string(next(sub).Data), string(next(sub).Data), string(next(sub).Data)}
}

func drain(_, other *nats.Conn) any {
	leaving := connect()
	var received atomic.Int64
	must(leaving.Subscribe("stock.go.drain", func(*nats.Msg) { received.Add(1) }))
	check(leaving.Flush())
	for range 100 {
		check(other.Publish("stock.go.drain", []byte("last words")))
	}
	check(other.Flush())
	drained(leaving)
	return map[string]any{"received": received.Load(), "closed": leaving.IsClosed()}
}

func noResponders(nc, _ *nats.Conn) any {
	_, err := nc.Request("stock.go.nobody", nil, patience)
	return errors.Is(err, nats.ErrNoResponders)
}

func largePayload(nc, other *nats.Conn) any {
	payload := make([]byte, nc.MaxPayload())
	for i := range payload {
		payload[i] = byte(i)
	}
	sub := must(nc.SubscribeSync("stock.go.large"))
	check(nc.Flush())
	check(other.Publish("stock.go.large", payload))
	data := next(sub).Data
	return map[string]any{"size": len(data), "intact": bytes.Equal(data, payload)}
}

func maxPayload(nc, _ *nats.Conn) any {
	err := nc.Publish("stock.go.large", make([]byte, nc.MaxPayload()+1))
	return map[string]any{"refused": errors.Is(err, nats.ErrMaxPayload), "connected": nc.IsConnected()}
}

func wildcards(nc, other *nats.Conn) any {
	var got [2]atomic.Int64
	must(nc.Subscribe("stock.go.wild.*.x", func(*nats.Msg) { got[0].Add(1) }))
	all := must(nc.SubscribeSync("stock.go.wild.>"))
	check(nc.Flush())
	for _, rest := range []string{"a.x", "a.y", "b", "a.b.x"} {
		check(other.Publish("stock.go.wild."+rest, nil))
	}
	for range 4 {
		next(all)
		got[1].Add(1)
	}
	return []int64{got[0].Load(), got[1].Load()}
}

func headerValues(nc, other *nats.Conn) any {
	sub := must(nc.SubscribeSync("stock.go.values"))
	check(nc.Flush())
	msg := nats.NewMsg("stock.go.values")
	for _, value := range []string{"one", "two", "two"} {
		msg.Header.Add("Many", value)
	}
	msg.Header.Set("Unicode", "grüße ✓")
	msg.Header.Set("Odd", `a:b;c="d",`)
	check(other.PublishMsg(msg))
	read := next(sub).Header
	return []any{read.Values("Many"), read.Get("Unicode"), read.Get("Odd")}
}

func unicodeSubject(nc, other *nats.Conn) any {
	sub := must(nc.SubscribeSync("stock.go.grüße.*"))
	check(nc.Flush())
	check(other.Publish("stock.go.grüße.📬", []byte("✓")))
	msg := next(sub)
	return []string{strings.TrimPrefix(msg.Subject, "stock.go."), string(msg.Data)}
}

func autoUnsubscribe(nc, other *nats.Conn) any {
	sub := must(nc.SubscribeSync("stock.go.auto"))
	check(sub.AutoUnsubscribe(3))
	check(nc.Flush())
	for range 5 {
		check(other.Publish("stock.go.auto", nil))
	}
	check(other.Flush())
	received := 0
	for {
		if _, err := sub.NextMsg(patience); err != nil {
			return map[string]any{"received": received, "ended": errors.Is(err, nats.ErrMaxMessages)}
		}
		received++
	}
}

func drainSubscription(nc, other *nats.Conn) any {
	var received atomic.Int64
	closed := make(chan bool)
	sub := must(nc.Subscribe("stock.go.drain.one", func(*nats.Msg) { received.Add(1) }))
	sub.SetClosedHandler(func(string) { close(closed) })
	check(nc.Flush())
	for range 50 {
		check(other.Publish("stock.go.drain.one", nil))
	}
	check(other.Flush())
	check(sub.Drain())
	select {
	case <-closed:
	case <-time.After(patience):
		return "drain does not end"
	}
	check(other.Publish("stock.go.drain.one", nil))
	check(other.Flush())
	check(nc.Flush())
	return map[string]any{"received": received.Load(), "ended": !sub.IsValid(), "connected": nc.IsConnected()}
}

func roundTrip(nc, _ *nats.Conn) any {
	before := nc.Stats().OutMsgs
	check(nc.Publish("stock.go.stats", []byte("x")))
	check(nc.Flush())
	return map[string]any{"measured": must(nc.RTT()) >= 0, "counted": nc.Stats().OutMsgs - before}
}

func slowReader(_, other *nats.Conn) any {
	problems := make(chan error, 100)
	slow := connect(nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { problems <- err }))
	defer slow.Close()
	sub := must(slow.SubscribeSync("stock.go.slow"))
	check(sub.SetPendingLimits(10, -1))
	check(slow.Flush())
	for range 100 {
		check(other.Publish("stock.go.slow", nil))
	}
	check(other.Flush())
	select {
	case err := <-problems:
		return map[string]any{"told": errors.Is(err, nats.ErrSlowConsumer), "connected": slow.IsConnected()}
	case <-time.After(patience):
		return "no error"
	}
}

func permissionPublish(_, _ *nats.Conn) any {
	problems := make(chan error, 4)
	curious := connect(nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { problems <- err }))
	defer curious.Close()
	check(curious.Publish("_GR_.reserved", []byte("x")))
	check(curious.Flush())
	select {
	case err := <-problems:
		operation := err.Error()
		if errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(operation, `Publish to "_GR_.reserved"`) {
			operation = "publish"
		}
		return map[string]any{"operation": operation, "subject": "_GR_.reserved", "connected": curious.IsConnected()}
	case <-time.After(patience):
		return "no error"
	}
}

func mailbox(nc, other *nats.Conn) any {
	var created struct {
		MailID string `json:"mail_id"`
	}
	answer := must(nc.Request("$mq9.AI.MAILBOX.CREATE", []byte(`{"ttl":60}`), patience))
	check(json.Unmarshal(answer.Data, &created))
	for _, word := range []string{"first", "second"} {
		check(nc.Publish("$mq9.AI.MAILBOX.MSG."+created.MailID, []byte(word)))
	}
	check(nc.Flush())
	later := must(other.SubscribeSync("$mq9.AI.MAILBOX.MSG." + created.MailID + ".*"))
	return []string{string(next(later).Data), string(next(later).Data)}
}

func permission(_, _ *nats.Conn) any {
	problems := make(chan error, 4)
	curious := connect(nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		problems <- err
	}))
	defer curious.Close()
	must(curious.Subscribe("$mq9.AI.MAILBOX.MSG.*", func(*nats.Msg) {}))
	check(curious.Flush())
	select {
	case err := <-problems:
		text := strings.ToLower(err.Error())
		named := strings.Contains(text, `permissions violation for subscription to "$mq9.ai.mailbox.msg.*"`)
		return map[string]any{
			"refused":   named && errors.Is(err, nats.ErrPermissionViolation),
			"connected": curious.IsConnected(),
		}
	case <-time.After(patience):
		return "no error"
	}
}

func reconnect() {
	back := make(chan bool, 4)
	nc := connect(nats.ReconnectWait(100*time.Millisecond), nats.MaxReconnects(-1),
		nats.ReconnectHandler(func(*nats.Conn) { back <- true }))
	defer nc.Close()
	sub := must(nc.SubscribeSync("stock.go.reconnect"))
	check(nc.Flush())
	fmt.Println("ready")
	<-back
	check(nc.Flush())
	check(nc.Publish("stock.go.reconnect", []byte("still subscribed")))
	show(string(next(sub).Data))
}

func lameDuck() {
	back, seen := make(chan bool, 4), make(chan bool, 4)
	nc := connect(nats.ReconnectWait(100*time.Millisecond), nats.MaxReconnects(-1),
		nats.LameDuckModeHandler(func(*nats.Conn) { seen <- true }),
		nats.ReconnectHandler(func(*nats.Conn) { back <- true }))
	defer nc.Close()
	sub := must(nc.SubscribeSync("stock.go.lame"))
	check(nc.Flush())
	fmt.Println("ready")
	<-back
	<-seen
	check(nc.Flush())
	check(nc.Publish("stock.go.lame", []byte("subscribed again")))
	show([]string{"lame duck", string(next(sub).Data)})
}

func show(result any) { fmt.Println(string(must(json.Marshal(result)))) }

func main() {
	if len(os.Args) > 2 && os.Args[2] == "reconnect" {
		reconnect()
		return
	}
	if len(os.Args) > 2 && os.Args[2] == "lame_duck" {
		lameDuck()
		return
	}
	scenarios := map[string]func(nc, other *nats.Conn) any{
		"publish_subscribe": publishSubscribe,
		"request_reply":     requestReply,
		"queue_group":       queueGroup,
		"headers":           headers,
		"request_many":      requestMany,
		"drain":             drain,
		"no_responders":     noResponders,
		"large_payload":     largePayload,
		"max_payload":       maxPayload,
		"permission":        permission,

		"wildcards":          wildcards,
		"header_values":      headerValues,
		"unicode_subject":    unicodeSubject,
		"auto_unsubscribe":   autoUnsubscribe,
		"drain_subscription": drainSubscription,
		"round_trip":         roundTrip,
		"slow_reader":        slowReader,
		"permission_publish": permissionPublish,
		"mailbox":            mailbox,
	}
	results := map[string]any{}
	for name, scenario := range scenarios {
		func() {
			nc, other := connect(), connect()
			defer nc.Close()
			defer other.Close()
			defer func() {
				if problem := recover(); problem != nil {
					results[name] = fmt.Sprint(problem)
				}
			}()
			results[name] = scenario(nc, other)
		}()
	}
	show(results)
}
