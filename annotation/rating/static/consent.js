"use strict";
const form = document.getElementById("consent");
form.action = location.pathname.replace(/\/$/, "") + "/consent";
