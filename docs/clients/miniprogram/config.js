// Where the platform is. `person`: only against the sandbox, whose WeChat knows people by the part of a code before its
// first dot; empty against WeChat itself.
module.exports = { base: "http://127.0.0.1:8000/api/v1", person: "ming" };
