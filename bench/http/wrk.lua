-- What wrk sends and says of it. From the environment: METHOD, BODY, HEADERS (a line each), IDS (set: `ID` in the body is another number each time).
wrk.method = os.getenv("METHOD")
wrk.body = os.getenv("BODY")
for line in (os.getenv("HEADERS") or ""):gmatch("[^\n]+") do
  local name, value = line:match("([^:]+): (.*)")
  wrk.headers[name] = value
end

if os.getenv("IDS") then
  local id, before, after = 1000, wrk.body:match("(.*)ID(.*)")
  request = function()
    id = id + 1
    return wrk.format(nil, nil, nil, before .. id .. after)
  end
end

function done(summary, latency)
  local bad = summary.errors
  io.write(string.format('{"requests":%d,"bad":%d,"p50_us":%d}\n', summary.requests,
                         bad.connect + bad.read + bad.write + bad.status + bad.timeout, latency:percentile(50)))
end
