# SPDX-License-Identifier: Apache-2.0
# Two layers over the base image, the shape that consumers of the image know: the module's source at /wasmx, and the
# packaged runtime at /wasmx/dist. Labels come with the build request, so that they are no reason to compile again.
# The tool fills in @BASE@, @SCRIPT@ (runtime.sh as a JSON string: older engines have no heredocs, and a file of its own
# would be a third layer) and @ARGUMENTS@ (more JSON strings). The parameters are no ARG, because the classic builder and
# podman let an ENV of the base image override one, and no ENV, which would stay in the image.
FROM @BASE@
COPY source /wasmx
RUN ["/bin/bash", "-pc", @SCRIPT@, "wasmx-image", @ARGUMENTS@]
