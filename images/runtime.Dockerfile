# SPDX-License-Identifier: Apache-2.0
# Two layers over the base image, the shape that consumers of the image know: the module's source at /wasmx, and the
# packaged runtime at /wasmx/dist. Labels come with the build request, so that they are no reason to compile again.
# @BASE@ and @SCRIPT@ (runtime.sh as a JSON string, for want of heredocs in older engines) are filled in by the tool;
# a script that stood in a file of its own would be a third layer.
FROM @BASE@
COPY source /wasmx
ARG RUNTIME
ARG RUNTIME_VERSION
ARG ASSET_ARCH
ARG TOP_DIRECTORY
ARG PACKAGE_NAME
ARG SCRIPT_ENVIRONMENT
ARG JOBS
ARG SOURCE_DATE_EPOCH
RUN ["/bin/bash", "-c", @SCRIPT@]
