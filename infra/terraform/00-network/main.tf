# Public subnets hold the load balancer and nothing else. The service stands in private subnets, which have no way out but the
# endpoints below: it reads images, writes logs and fetches models, and nothing more.

locals {
  zones = { for index, zone in var.zones : zone => index }
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = local.name }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = local.name }
}

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 8, each.value)
  map_public_ip_on_launch = false

  tags = { Name = "${local.name}-public-${each.key}" }
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 8, 100 + each.value)
  map_public_ip_on_launch = false

  tags = { Name = "${local.name}-private-${each.key}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${local.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${local.name}-private" }
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}

# what the next layers need, see docs/adr/0031-layers.md
resource "aws_ssm_parameter" "handover" {
  #checkov:skip=CKV2_AWS_34:identifiers of resources, no secret
  #checkov:skip=CKV_AWS_337:identifiers of resources, no secret
  for_each = {
    vpc_id          = aws_vpc.this.id
    public_subnets  = join(",", [for zone in var.zones : aws_subnet.public[zone].id])
    private_subnets = join(",", [for zone in var.zones : aws_subnet.private[zone].id])
    balancer_group  = aws_security_group.balancer.id
    service_group   = aws_security_group.service.id
    service_port    = tostring(var.port)
  }

  name           = "${local.path}/network/${each.key}"
  type           = "String"
  insecure_value = each.value
}
