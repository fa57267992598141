// Sends requests and reads answers as Plivo's Go SDK does, by net/http and encoding/json.
//
// Reads a task as JSON from standard input and writes what came of it to standard output; see ../drivers.ts.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"sort"
	"strings"
	"time"
)

type call struct {
	Does   string          `json:"does"`
	Method string          `json:"method"`
	Path   []string        `json:"path"`
	Params json.RawMessage `json:"params"`
}

type callback struct {
	Method, URI, Nonce, Signature, Token string
	Params                               map[string]string
}

type task struct {
	Base, AuthID, AuthToken string
	Calls                   []call
	Callbacks               []callback
}

type answer struct {
	Status  int         `json:"status"`
	Value   interface{} `json:"value,omitempty"`
	Error   string      `json:"error,omitempty"`
	Message string      `json:"message,omitempty"`
}

// The transport of docs/sdk.md: what leaves for Plivo arrives here.
type toPartyline struct {
	here *url.URL
	next http.RoundTripper
}

func (t toPartyline) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.URL.Scheme, request.URL.Host, request.Host = t.here.Scheme, t.here.Host, ""
	return t.next.RoundTrip(request)
}

// Types as the SDK declares them where a wrong one in JSON breaks it.
type mpc struct {
	APIID                string `json:"api_id"`
	BilledAmount         string `json:"billed_amount,omitempty"`
	BilledDuration       int64  `json:"billed_duration,omitempty"`
	CreationTime         string `json:"creation_time,omitempty"`
	Duration             int64  `json:"duration,omitempty"`
	EndTime              string `json:"end_time,omitempty"`
	FriendlyName         string `json:"friendly_name,omitempty"`
	MpcUUID              string `json:"mpc_uuid,omitempty"`
	Participants         string `json:"participants,omitempty"`
	Recording            string `json:"recording,omitempty"`
	ResourceURI          string `json:"resource_uri,omitempty"`
	StartTime            string `json:"start_time,omitempty"`
	Status               string `json:"status,omitempty"`
	StayAlone            bool   `json:"stay_alone,omitempty"`
	SubAccount           string `json:"sub_account,omitempty"`
	TerminationCause     string `json:"termination_cause,omitempty"`
	TerminationCauseCode int64  `json:"termination_cause_code,omitempty"`
}

type participant struct {
	BilledAmount    string `json:"billed_amount,omitempty"`
	BilledDuration  int64  `json:"billed_duration,omitempty"`
	CallUUID        string `json:"call_uuid,omitempty"`
	CoachMode       bool   `json:"coach_mode,omitempty"`
	Duration        int64  `json:"duration,omitempty"`
	EndMpcOnExit    bool   `json:"end_mpc_on_exit,omitempty"`
	ExitCause       string `json:"exit_cause,omitempty"`
	ExitTime        string `json:"exit_time,omitempty"`
	Hold            bool   `json:"hold,omitempty"`
	JoinTime        string `json:"join_time,omitempty"`
	MemberAddress   string `json:"member_address,omitempty"`
	MemberID        string `json:"member_id,omitempty"`
	MpcUUID         string `json:"mpc_uuid,omitempty"`
	Mute            bool   `json:"mute,omitempty"`
	ResourceURI     string `json:"resource_uri,omitempty"`
	Role            string `json:"role,omitempty"`
	StartMpcOnEnter bool   `json:"start_mpc_on_enter,omitempty"`
}

type meta struct {
	Previous *string `json:"previous"`
	Next     *string `json:"next"`
	Count    int64   `json:"count"`
	Offset   int64   `json:"offset"`
	Limit    int64   `json:"limit"`
}

type mpcs struct {
	APIID   string `json:"api_id"`
	Meta    *meta  `json:"meta"`
	Objects []*mpc `json:"objects"`
}

type participants struct {
	APIID   string         `json:"api_id"`
	Meta    *meta          `json:"meta"`
	Objects []*participant `json:"objects"`
}

type added struct {
	APIID string `json:"api_id"`
	Calls []*struct {
		To       string `json:"to,omitempty"`
		From     string `json:"from,omitempty"`
		CallUUID string `json:"call_uuid,omitempty"`
	} `json:"calls"`
	Message     string `json:"message,omitempty"`
	RequestUUID string `json:"request_uuid,omitempty"`
}

type updated struct {
	APIID     string `json:"api_id"`
	CoachMode string `json:"coach_mode,omitempty"`
	Mute      string `json:"mute,omitempty"`
	Hold      string `json:"hold,omitempty"`
}

type played struct {
	APIID    string   `json:"api_id"`
	Message  string   `json:"message"`
	MemberID []string `json:"mpcMemberId,omitempty"`
	Name     string   `json:"mpcName,omitempty"`
}

type recorded struct {
	APIID        string `json:"api_id"`
	Message      string `json:"message,omitempty"`
	RecordingID  string `json:"recording_id,omitempty"`
	RecordingURL string `json:"recording_url,omitempty"`
}

// What the SDK's method reads its answer into; nil where it reads nothing.
func target(does string) interface{} {
	switch does {
	case "list":
		return &mpcs{}
	case "get", "get nobody":
		return &mpc{}
	case "add participant":
		return &added{}
	case "list participants":
		return &participants{}
	case "get participant":
		return &participant{}
	case "update participant":
		return &updated{}
	case "start play", "start speak", "play nothing":
		return &played{}
	case "start recording", "start participant recording":
		return &recorded{}
	}
	return nil
}

func (c call) send(task task, client *http.Client) answer {
	// The slash at the end is part of the SDK's format.
	to := url.URL{Scheme: "https", Host: "api.plivo.com", Path: "/v1/Account/" + task.AuthID + "/" + strings.Join(c.Path, "/") + "/"}
	body := new(bytes.Buffer)
	if c.Method == "GET" {
		values := url.Values{}
		var params map[string]interface{}
		json.Unmarshal(c.Params, &params)
		for key, value := range params {
			text, _ := json.Marshal(value)
			values.Set(key, strings.Trim(string(text), `"`))
		}
		to.RawQuery = values.Encode()
	} else if c.Params != nil {
		json.NewEncoder(body).Encode(c.Params)
	}
	request, err := http.NewRequest(c.Method, to.String(), body)
	if err != nil {
		return answer{Error: "request", Message: err.Error()}
	}
	request.Header.Add("User-Agent", "plivo-go/7.60.2 (Go: "+runtime.Version()+")")
	request.Header.Add("Content-Type", "application/json")
	request.SetBasicAuth(task.AuthID, task.AuthToken)
	// The SDK keeps a copy for its retries; a body of nothing is of unknown length from here on.
	kept, _ := io.ReadAll(request.Body)
	request.Body = io.NopCloser(bytes.NewReader(kept))
	response, err := client.Do(request)
	if err != nil {
		return answer{Error: "transport", Message: err.Error()}
	}
	data, err := io.ReadAll(response.Body)
	response.Body.Close()
	read := answer{Status: response.StatusCode}
	switch {
	case err != nil || len(data) == 0:
	case response.StatusCode < 300:
		if value := target(c.Does); value != nil {
			if err := json.Unmarshal(data, value); err != nil {
				return answer{Status: response.StatusCode, Error: "json", Message: err.Error()}
			}
			read.Value = value
		}
	default:
		read.Error, read.Message = "error", string(data)
	}
	return read
}

func pairs(params map[string]string, within, between string) string {
	keys := make([]string, 0, len(params))
	for key := range params {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	all := make([]string, 0, len(keys))
	for _, key := range keys {
		all = append(all, key+within+params[key])
	}
	return strings.Join(all, between)
}

// The SDK's ValidateSignatureV3.
func (c callback) valid() bool {
	uri, err := url.Parse(c.URI)
	if err != nil {
		return false
	}
	query := map[string]string{}
	for key, values := range uri.Query() {
		query[key] = values[0]
	}
	text := uri.Scheme + "://" + uri.Host + uri.Path
	if len(c.Params)+len(query) > 0 {
		text += "?"
	}
	if c.Method == "GET" {
		for key, value := range c.Params {
			query[key] = value
		}
		text += pairs(query, "=", "&")
	} else {
		if len(query) > 0 {
			text += pairs(query, "=", "&") + "."
		}
		text += pairs(c.Params, "", "")
	}
	mac := hmac.New(sha256.New, []byte(c.Token))
	mac.Write([]byte(strings.TrimRight(text, ".") + "." + c.Nonce))
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, one := range strings.Split(c.Signature, ",") {
		if one == signature {
			return true
		}
	}
	return false
}

func main() {
	var given task
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	here, err := url.Parse(given.Base)
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: toPartyline{here, http.DefaultTransport}, Timeout: 10 * time.Second}
	answers := []answer{}
	for _, one := range given.Calls {
		answers = append(answers, one.send(given, client))
	}
	valid := []bool{}
	for _, one := range given.Callbacks {
		valid = append(valid, one.valid())
	}
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"library": "net/http of " + runtime.Version(), "answers": answers, "valid": valid,
	})
}
