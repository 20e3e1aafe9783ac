// A client of generation 2 that behaves as the published Go one does, clause by clause, over nats.go.
// Takes one call per line of JSON on standard input, answers each on standard output.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const requestLimit = 5 * time.Second

// args holds what any call may carry.
type args struct {
	Address      string         `json:"address"`
	Name         string         `json:"name"`
	TTL          int64          `json:"ttl"`
	Payload      []byte         `json:"payload"`
	Priority     string         `json:"priority"`
	Key          string         `json:"key"`
	Delay        int64          `json:"delay"`
	Tags         []string       `json:"tags"`
	GroupName    string         `json:"groupName"`
	Deliver      string         `json:"deliver"`
	FromTime     int64          `json:"fromTime"`
	FromID       int64          `json:"fromId"`
	ForceDeliver bool           `json:"forceDeliver"`
	NumMsgs      int            `json:"numMsgs"`
	MaxWaitMs    int            `json:"maxWaitMs"`
	AutoAck      bool           `json:"autoAck"`
	MsgID        int64          `json:"msgId"`
	Limit        int64          `json:"limit"`
	Page         int64          `json:"page"`
	Since        int64          `json:"since"`
	Text         string         `json:"text"`
	Semantic     string         `json:"semantic"`
	Mailbox      string         `json:"mailbox"`
	Body         map[string]any `json:"body"`
	Consumer     int            `json:"consumer"`
}

// row is a message after decoding.
type row struct {
	MsgID      int64  `json:"msgId"`
	Payload    []byte `json:"payload"`
	Priority   string `json:"priority"`
	CreateTime int64  `json:"createTime"`
}

type client struct {
	nc       *nats.Conn
	printing sync.Mutex
	waiting  sync.Mutex
	verdicts map[int]chan bool
	stops    map[int]chan struct{}
	stopped  map[int]chan struct{}
	handles  int
}

func (c *client) say(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	c.printing.Lock()
	defer c.printing.Unlock()
	fmt.Println(string(text))
}

func (c *client) ask(subject string, body any) ([]byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	message := nats.NewMsg("$mq9.AI." + subject)
	message.Data = data
	return c.request(message)
}

func (c *client) request(message *nats.Msg) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestLimit)
	defer cancel()
	reply, err := c.nc.RequestMsgWithContext(ctx, message)
	if err != nil {
		return nil, err
	}
	var base struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &base); err != nil {
		return nil, err
	}
	if base.Error != "" {
		return nil, errors.New(base.Error)
	}
	return reply.Data, nil
}

func (c *client) create(a args) (any, error) {
	body := map[string]any{"ttl": a.TTL}
	if a.Name != "" {
		body["name"] = a.Name
	}
	var reply struct {
		Address string `json:"mail_address"`
	}
	data, err := c.ask("MAILBOX.CREATE", body)
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(data, &reply)
	return reply.Address, err
}

func (c *client) send(a args) (any, error) {
	message := nats.NewMsg("$mq9.AI.MSG.SEND." + a.Address)
	message.Data = a.Payload
	if a.Priority != "" && a.Priority != "normal" {
		message.Header.Set("mq9-priority", a.Priority)
	}
	if a.Key != "" {
		message.Header.Set("mq9-key", a.Key)
	}
	if a.Delay > 0 {
		message.Header.Set("mq9-delay", strconv.FormatInt(a.Delay, 10))
	}
	if a.TTL > 0 {
		message.Header.Set("mq9-ttl", strconv.FormatInt(a.TTL, 10))
	}
	if len(a.Tags) > 0 {
		message.Header.Set("mq9-tags", strings.Join(a.Tags, ","))
	}
	data, err := c.request(message)
	if err != nil {
		return nil, err
	}
	var reply struct {
		MsgID int64 `json:"msg_id"`
	}
	err = json.Unmarshal(data, &reply)
	return reply.MsgID, err
}

func (c *client) fetch(a args) ([]row, error) {
	body := map[string]any{
		"group_name":    a.GroupName,
		"deliver":       either(a.Deliver, "latest"),
		"from_time":     a.FromTime,
		"from_id":       a.FromID,
		"force_deliver": a.ForceDeliver,
		"config":        map[string]any{"num_msgs": either(a.NumMsgs, 100), "max_wait_ms": either(a.MaxWaitMs, 500)},
	}
	data, err := c.ask("MSG.FETCH."+a.Address, body)
	if err != nil {
		return nil, err
	}
	return rows(data)
}

func either[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// rows decodes payloads as base64; what is none stays as it is.
func rows(data []byte) ([]row, error) {
	var reply struct {
		Messages []struct {
			MsgID      int64  `json:"msg_id"`
			Payload    string `json:"payload"`
			Priority   string `json:"priority"`
			CreateTime int64  `json:"create_time"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(data, &reply); err != nil {
		return nil, err
	}
	found := []row{}
	for _, m := range reply.Messages {
		payload, err := base64.StdEncoding.DecodeString(m.Payload)
		if err != nil {
			payload = []byte(m.Payload)
		}
		found = append(found, row{m.MsgID, payload, either(m.Priority, "normal"), m.CreateTime})
	}
	return found, nil
}

func (c *client) ack(a args) error {
	_, err := c.ask("MSG.ACK."+a.Address, map[string]any{
		"group_name":   a.GroupName,
		"mail_address": a.Address,
		"msg_id":       a.MsgID,
	})
	return err
}

func (c *client) query(a args) ([]row, error) {
	body := map[string]any{}
	if a.Key != "" {
		body["key"] = a.Key
	}
	if a.Limit > 0 {
		body["limit"] = a.Limit
	}
	if a.Since > 0 {
		body["since"] = a.Since
	}
	data, err := c.ask("MSG.QUERY."+a.Address, body)
	if err != nil {
		return nil, err
	}
	return rows(data)
}

func (c *client) remove(a args) error {
	message := nats.NewMsg(fmt.Sprintf("$mq9.AI.MSG.DELETE.%s.%d", a.Address, a.MsgID))
	message.Data = []byte{}
	_, err := c.request(message)
	return err
}

func (c *client) discover(a args) (any, error) {
	body := map[string]any{"limit": either(a.Limit, 20), "page": either(a.Page, 1)}
	if a.Text != "" {
		body["text"] = a.Text
	}
	if a.Semantic != "" {
		body["semantic"] = a.Semantic
	}
	data, err := c.ask("AGENT.DISCOVER", body)
	if err != nil {
		return nil, err
	}
	reply := struct {
		Agents []map[string]any `json:"agents"`
	}{Agents: []map[string]any{}}
	err = json.Unmarshal(data, &reply)
	return reply.Agents, err
}

// consume fetches, hands over and acknowledges each message by itself until it is stopped.
func (c *client) consume(id int, a args, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		batch, err := c.fetch(args{Address: a.Address, GroupName: a.GroupName, Deliver: a.Deliver, NumMsgs: a.NumMsgs, MaxWaitMs: a.MaxWaitMs})
		if err != nil {
			fmt.Fprintln(os.Stderr, "fetch failed:", err)
			select {
			case <-stop:
				return
			case <-time.After(time.Second):
			}
			continue
		}
		for _, m := range batch {
			select {
			case <-stop:
				return
			default:
			}
			if !c.handle(id, m) {
				continue
			}
			if a.AutoAck {
				if err := c.ack(args{Address: a.Address, GroupName: a.GroupName, MsgID: m.MsgID}); err != nil {
					fmt.Fprintln(os.Stderr, "ack failed:", err)
				}
			}
		}
	}
}

func (c *client) handle(consumer int, m row) bool {
	verdict := make(chan bool, 1)
	c.waiting.Lock()
	c.handles++
	handle := c.handles
	c.verdicts[handle] = verdict
	c.waiting.Unlock()
	c.say(map[string]any{"consumer": consumer, "handle": handle, "message": m})
	return <-verdict
}

func (c *client) call(id int, name string, a args) (any, error) {
	switch name {
	case "create":
		return c.create(a)
	case "send":
		return c.send(a)
	case "fetch":
		return c.fetch(a)
	case "ack":
		return nil, c.ack(a)
	case "query":
		return c.query(a)
	case "remove":
		return nil, c.remove(a)
	case "register":
		_, err := c.ask("AGENT.REGISTER", a.Body)
		return nil, err
	case "unregister":
		_, err := c.ask("AGENT.UNREGISTER", map[string]any{"mailbox": a.Mailbox})
		return nil, err
	case "report":
		_, err := c.ask("AGENT.REPORT", a.Body)
		return nil, err
	case "discover":
		return c.discover(a)
	case "consume":
		stop, stopped := make(chan struct{}), make(chan struct{})
		c.waiting.Lock()
		c.stops[id], c.stopped[id] = stop, stopped
		c.waiting.Unlock()
		go func() {
			defer close(stopped)
			c.consume(id, a, stop)
		}()
		return nil, nil
	case "stop":
		c.waiting.Lock()
		stop, stopped := c.stops[a.Consumer], c.stopped[a.Consumer]
		c.waiting.Unlock()
		close(stop)
		<-stopped
		return nil, nil
	}
	return nil, fmt.Errorf("no such call: %s", name)
}

func main() {
	nc, err := nats.Connect(os.Args[1], nats.MaxReconnects(-1), nats.ReconnectWait(time.Second))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	c := &client{
		nc:       nc,
		verdicts: map[int]chan bool{},
		stops:    map[int]chan struct{}{},
		stopped:  map[int]chan struct{}{},
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16*1024*1024)
	for lines.Scan() {
		var line struct {
			ID      int    `json:"id"`
			Call    string `json:"call"`
			Args    args   `json:"args"`
			Handled int    `json:"handled"`
			OK      bool   `json:"ok"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			panic(err)
		}
		if line.Handled != 0 {
			c.waiting.Lock()
			verdict := c.verdicts[line.Handled]
			delete(c.verdicts, line.Handled)
			c.waiting.Unlock()
			verdict <- line.OK
			continue
		}
		go func() {
			result, err := c.call(line.ID, line.Call, line.Args)
			if err != nil {
				c.say(map[string]any{"id": line.ID, "error": err.Error()})
				return
			}
			c.say(map[string]any{"id": line.ID, "result": result})
		}()
	}
	_ = nc.Drain()
}
