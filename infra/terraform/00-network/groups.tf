# Security groups by intent: clients reach the load balancer, the load balancer reaches the service, the service reaches the
# endpoints. Every rule is a resource of its own, so that a plan shows each opening by its name.

resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${local.name}-closed" }
}

resource "aws_security_group" "balancer" {
  #checkov:skip=CKV2_AWS_5:attached in layer 30, which checkov does not see
  name        = "${local.name}-balancer"
  description = "The load balancer: clients in, the service out"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-balancer" }
}

resource "aws_security_group" "service" {
  #checkov:skip=CKV2_AWS_5:attached in layer 30, which checkov does not see
  name        = "${local.name}-service"
  description = "The service: the load balancer in, the endpoints out"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-service" }
}

resource "aws_security_group" "endpoints" {
  name        = "${local.name}-endpoints"
  description = "The endpoints of AWS: the service in"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "balancer_https" {
  for_each = var.clients

  security_group_id = aws_security_group.balancer.id
  description       = "clients ask by HTTPS"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "balancer_http" {
  #checkov:skip=CKV_AWS_260:port 80 answers with a redirect to HTTPS wherever there is a certificate
  for_each = var.clients

  security_group_id = aws_security_group.balancer.id
  description       = "clients are sent on to HTTPS"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
}

resource "aws_vpc_security_group_egress_rule" "balancer_to_service" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "requests and health checks"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
}

resource "aws_vpc_security_group_ingress_rule" "service_from_balancer" {
  security_group_id            = aws_security_group.service.id
  description                  = "requests and health checks"
  referenced_security_group_id = aws_security_group.balancer.id
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
}

resource "aws_vpc_security_group_egress_rule" "service_to_endpoints" {
  security_group_id            = aws_security_group.service.id
  description                  = "images and logs"
  referenced_security_group_id = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "service_to_s3" {
  security_group_id = aws_security_group.service.id
  description       = "models and layers of images"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.s3.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_service" {
  security_group_id            = aws_security_group.endpoints.id
  description                  = "images and logs"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}
