/**
 * One span in every form in which MLflow sends or keeps it.
 *
 * @module
 */

/** As `traces/get` and `batchGet` answer it. */
export const otlp = `{"trace_id":"WGOV2o5ShpK6Doeu3WAkyg==","span_id":"34vg1hysR4Y=",
"parent_span_id":"Y8EXaE/U8u0=","name":"tool","start_time_unix_nano":1795258425479438443,
"end_time_unix_nano":1795258425506197931,"attributes":[
{"key":"mlflow.spanType","value":{"string_value":"TOOL"}},
{"key":"mlflow.spanInputs","value":{"kvlist_value":{"values":[{"key":"q","value":
{"array_value":{"values":[{"int_value":1},{"string_value":"{}"}]}}}]}}},
{"key":"big","value":{"int_value":1152921504606846976}},{"key":"flag","value":{"bool_value":true}},
{"key":"ratio","value":{"double_value":0.5}},{"key":"nan","value":{"double_value":"NaN"}},
{"key":"empty","value":{}}],
"events":[{"time_unix_nano":1795258425506012160,"name":"exception","attributes":[
{"key":"exception.message","value":{"string_value":"boom"}}]}],
"links":[{"trace_id":"WGOV2o5ShpK6Doeu3WAkyg==","span_id":"Y8EXaE/U8u0=","attributes":[]}],
"status":{"message":"ValueError: boom","code":"STATUS_CODE_ERROR"}}`;

/** As `get-trace-artifact`, `traces.json` and the column `spans.content` have it. */
export const flat = `{"trace_id": "WGOV2o5ShpK6Doeu3WAkyg==", "span_id": "34vg1hysR4Y=",
"parent_span_id": "Y8EXaE/U8u0=", "name": "tool", "start_time_unix_nano": 1795258425479438443,
"end_time_unix_nano": 1795258425506197931, "events": [{"name": "exception",
"time_unix_nano": 1795258425506012160, "attributes": {"exception.message": "boom"}}],
"status": {"code": "STATUS_CODE_ERROR", "message": "ValueError: boom"},
"attributes": {"mlflow.spanType": "\\"TOOL\\"", "mlflow.spanInputs": "{\\"q\\": [1, \\"{}\\"]}",
"big": "1152921504606846976", "flag": "true", "ratio": "0.5", "nan": "NaN", "empty": "null"},
"links": [{"trace_id": "tr-586395da8e528692ba0e87aedd6024ca", "span_id": "63c117684fd4f2ed",
"attributes": null}]}`;

/** As MLflow 3.5 wrote it to artifact files: ids in hex, short status. */
export const hexed = flat
  .replace("WGOV2o5ShpK6Doeu3WAkyg==", "tr-586395da8e528692ba0e87aedd6024ca")
  .replace("34vg1hysR4Y=", "df8be0d61cac4786")
  .replace("Y8EXaE/U8u0=", "63C117684FD4F2ED")
  .replace("STATUS_CODE_ERROR", "ERROR");

/** As MLflow 2 wrote it to artifact files. */
export const old = `{"name": "tool", "context": {
"trace_id": "0x586395da8e528692ba0e87aedd6024ca", "span_id": "0xdf8be0d61cac4786"},
"parent_id": "0x63c117684fd4f2ed", "start_time": 1795258425479438443,
"end_time": 1795258425506197931, "status_code": "ERROR", "status_message": "ValueError: boom",
"attributes": {"mlflow.spanType": "\\"TOOL\\"", "mlflow.spanInputs": "{\\"q\\": [1, \\"{}\\"]}",
"big": "1152921504606846976", "flag": "true", "ratio": "0.5", "nan": "NaN", "empty": "null"},
"events": [{"name": "exception", "timestamp": 1795258425506012160,
"attributes": {"exception.message": "boom"}}],
"links": [{"trace_id": "tr-586395da8e528692ba0e87aedd6024ca", "span_id": "63c117684fd4f2ed"}]}`;
